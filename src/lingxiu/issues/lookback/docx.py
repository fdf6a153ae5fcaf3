"""Weekly report, monthly report and notice (周报、月报、通报) as Word documents, from the board the page shows.

Layout is the template's: the shipped one, or the county's own in `templates/` beside its catalogues. Adds no figure of its own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from docxtpl import DocxTemplate
from jinja2.sandbox import SandboxedEnvironment

from lingxiu.config.environment import environment
from lingxiu.issues.lookback.words import Board, Table

SHIPPED = Path(__file__).resolve().parent / "word"
TITLES: dict[str, str | Promise] = {
    "week": _("Weekly report on issues"),
    "month": _("Monthly report on issues"),
    "notice": _("Notice on issues"),
}
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class TemplateRefused(Exception):
    """A county's template that cannot be filled. `why`: what its maker has to mend."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name}: {why}")
        self.path, self.why = path, why


def template(kind: str) -> Path:
    """The template of a kind of report: the county's own, or the shipped one."""
    policy = environment().policy
    own = policy / "templates" / f"{kind}.docx" if policy else None
    return own if own and own.is_file() else SHIPPED / f"{kind}.docx"


def write(kind: str, board: Board, beside: Sequence[Table] = ()) -> bytes:
    """The document of a board. Raises: KeyError for an unknown kind, TemplateRefused."""
    title = str(TITLES[kind])
    path = template(kind)
    try:
        document = DocxTemplate(path)
        # A template comes from outside: it may print what it is given, and call nothing.
        document.render(
            _context(title, board, beside), jinja_env=SandboxedEnvironment(autoescape=True), autoescape=True
        )
        file = io.BytesIO()
        document.save(file)
    except Exception as error:
        if path.parent == SHIPPED:
            raise
        raise TemplateRefused(path, f"{type(error).__name__}: {error}") from error
    return file.getvalue()


def _context(title: str, board: Board, beside: Sequence[Table]) -> Mapping[str, object]:
    tables = [board.measures, board.way, *board.dimensions, board.ages, board.repeats, *beside]
    return {
        "title": title,
        "area": board.area,
        "period": board.period,
        "made": board.made,
        "synthetic": board.synthetic,
        "summary": board.summary,
        "words": {
            "synthetic": gettext("Synthetic data: made up for demonstration, not the county's figures."),
            "number": gettext("No. ____"),
            "to": gettext("To all towns and departments:"),
            "sign": gettext("County office"),
        },
        "towns": _plain(board.towns) if board.towns else None,
        **{table.name: _plain(table) for table in tables},
    }


def _plain(table: Table) -> Mapping[str, object]:
    """A table as a template reads it."""
    return {
        "title": table.title,
        "columns": table.columns,
        "rows": [[cell.whole for cell in row] for row in table.rows],
        "note": table.note,
    }
