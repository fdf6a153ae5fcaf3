"""Make the shipped Word templates of the weekly report, the monthly report and the notice.

python tools/report_templates.py

They hold layout alone: every word and figure comes from `lookback/docx.py`, in the reader's language. A county may put its own
beside its catalogues, as `templates/week.docx`, `month.docx`, `notice.docx`, with the same names in double braces.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from docx import Document
from docx.document import Document as Word
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.text.paragraph import Paragraph

FOLDER = Path(__file__).resolve().parents[1] / "src" / "lingxiu" / "issues" / "lookback" / "word"
BODY, HEAD = "仿宋", "黑体"  # 党政机关公文格式 (GB/T 9704-2012): body in imitation Song, headings in Hei
WIDE = ("towns", "level", "flow", "source", "violation")


def main() -> None:
    """Write the three templates."""
    FOLDER.mkdir(exist_ok=True)
    for kind, parts in {
        "week": ("way", "ages", "source", "repeats"),
        "month": ("way", "level", "flow", "source", "violation", "towns", "ages", "repeats"),
        "notice": ("towns", "ages", "repeats"),
    }.items():
        make(kind, parts)


def make(kind: str, parts: Sequence[str]) -> None:
    """One template: heading, summary, the figures, then the tables it shows, the date and who signs."""
    page = _page()
    _line(page, "{{ title }}", size=22, font=HEAD, centre=True)
    if kind == "notice":
        _line(page, "{{ words.number }}", centre=True)
    _line(page, "{{ area }}    {{ period }}", centre=True)
    _line(page, "{%p if synthetic %}")
    _line(page, "{{ words.synthetic }}", font=HEAD, centre=True)
    _line(page, "{%p endif %}")
    if kind == "notice":
        _line(page, "{{ words.to }}")
    _line(page, "{{ summary }}", indent=True)
    _table(page, "measures", columns=5)
    for part in parts:
        _line(page, f"{{%p if {part} %}}")
        _table(page, part, columns={"towns": 12, "repeats": 4}.get(part, 7 if part in WIDE else 2))
        _line(page, "{%p endif %}")
    _line(page, "{{ words.sign }}", right=True)
    _line(page, "{{ made }}", right=True)
    page.save(str(FOLDER / f"{kind}.docx"))


def _page() -> Word:
    page = Document()
    section = page.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(2.5)
    style = page.styles["Normal"]
    style.font.name, style.font.size = BODY, Pt(12)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), BODY)
    return page


def _line(
    page: Word,
    text: str,
    *,
    size: int = 12,
    font: str = "",
    centre: bool = False,
    right: bool = False,
    indent: bool = False,
) -> None:
    paragraph = page.add_paragraph()
    _write(paragraph, text, size, font)
    if centre or right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if centre else WD_ALIGN_PARAGRAPH.RIGHT
    if indent:
        paragraph.paragraph_format.first_line_indent = Pt(2 * size)


def _write(paragraph: Paragraph, text: str, size: int, font: str = "") -> None:
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    if font:
        run.font.name = font
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _table(page: Word, name: str, *, columns: int) -> None:
    """A heading, and a table with a row for each of the table's rows."""
    _line(page, f"{{{{ {name}.title }}}}", size=14, font=HEAD)
    size = 7 if columns > 7 else 9 if columns > 4 else 11
    table = page.add_table(rows=4, cols=columns, style="Table Grid")
    for column in range(columns):
        _write(table.rows[0].cells[column].paragraphs[0], f"{{{{ {name}.columns[{column}] }}}}", size, HEAD)
        _write(table.rows[2].cells[column].paragraphs[0], f"{{{{ row[{column}] }}}}", size)
    _write(table.rows[1].cells[0].paragraphs[0], f"{{%tr for row in {name}.rows %}}", size)
    _write(table.rows[3].cells[0].paragraphs[0], "{%tr endfor %}", size)
    _line(page, f"{{{{ {name}.note }}}}", size=9)


if __name__ == "__main__":
    main()
