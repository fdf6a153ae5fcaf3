"""Makes the notice's shipped Word template: python tools/notice_template.py. What departments put in its place: docs/papers.md."""

from __future__ import annotations

from pathlib import Path

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

TEMPLATE = (
    Path(__file__).resolve().parents[1] / "src" / "lingxiu" / "policy" / "templates" / "rectification-notice.docx"
)
# The fonts and sizes of official papers (GB/T 9704-2012): title 2号 小标宋, body 3号 仿宋.
BODY, TITLE = "仿宋", "方正小标宋简体"

NUMBER = "编号：{{ number }}　行政行为码：{{ act_code }}{% if power_code %}　权力事项编码：{{ power_code }}{% endif %}"
TEXT = [
    "{{ merchant }}：",
    "{{ act_on }}，本机关执法人员 {{ officers[0].name }}（执法证号：{{ officers[0].certificate }}）、{{ officers[1].name }}"
    "（执法证号：{{ officers[1].certificate }}）对你单位（统一社会信用代码：{{ licence_no }}；地址：{{ address }}）检查，发现：",
    "{{ finding }}{% if summary %}。{{ summary }}{% endif %}。",
    "上述行为不符合{% for basis in bases %}{{ basis }}{% if not loop.last %}、{% endif %}{% endfor %}的规定。现责令你单位于"
    " {{ until }} 前完成下列整改：",
    "{%p for demand in demands %}",
    "{{ loop.index }}. {{ demand }}",
    "{%p endfor %}",
    "逾期不改正的，本机关将依法处理。对本通知有异议的，可以向本机关陈述、申辩。",
]
SIGNED = ["{{ unit }}（印章）", "{{ today }}"]
RECEIVED = [
    "签收人：＿＿＿＿＿＿＿＿　　日期：＿＿＿＿年＿＿月＿＿日",
    "联系执法人员：＿＿＿＿＿＿＿＿　　电话：＿＿＿＿＿＿＿＿",
]


def make() -> None:
    """Write the template."""
    paper = Document()
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin, section.bottom_margin = Cm(3.7), Cm(3.5)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    _line(paper, "责令整改通知书", TITLE, 22, WD_ALIGN_PARAGRAPH.CENTER)
    _line(paper, NUMBER, BODY, 14, WD_ALIGN_PARAGRAPH.RIGHT)
    for number, text in enumerate(TEXT):
        _line(paper, text, BODY, 16, indent=number > 0 and not text.startswith("{%p"))
    for text in SIGNED:
        _line(paper, text, BODY, 16, WD_ALIGN_PARAGRAPH.RIGHT)
    for text in RECEIVED:
        _line(paper, text, BODY, 14)
    TEMPLATE.parent.mkdir(exist_ok=True)
    paper.save(str(TEMPLATE))


def _line(paper: object, text: str, font: str, points: int, align: object = None, *, indent: bool = False) -> None:
    line = paper.add_paragraph()  # type: ignore[attr-defined]  # python-docx is not typed
    line.alignment = align
    line.paragraph_format.line_spacing = Pt(28)
    if indent:
        line.paragraph_format.first_line_indent = Pt(2 * points)
    run = line.add_run(text)
    run.font.size, run.font.name = Pt(points), font
    run._element.rPr.rFonts.set(qn("w:eastAsia"), font)


if __name__ == "__main__":
    make()
