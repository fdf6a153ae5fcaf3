"""The Word template of a unit's notice: which one is used, and how it is filled. A template may name fields, and run nothing.

Used is the one the unit brought, else that of the department that answers for the violation, else the county's, else the shipped
one; at each step what was brought on the page before what lies in the county's policy folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db.models import Q
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from lingxiu.accounts.models import Unit
from lingxiu.config.environment import environment
from lingxiu.files.models import StoredFile
from lingxiu.issues.template_models import PaperTemplate

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NOTICE = "rectification-notice.docx"
SHIPPED = Path(__file__).parent.parent / "policy" / "templates" / NOTICE


class TemplateRefused(Exception):
    """A template that cannot be filled in."""


def for_notice(unit: Unit, responsible: str) -> bytes:
    """The template of a notice of this unit, about what this department (its code) answers for."""
    return next(_candidates([unit.code, responsible]))


def _candidates(codes: list[str]) -> Iterator[bytes]:
    """The first is used. A town's team uses the templates of the department whose power it was given."""
    brought = {row.unit.code if row.unit else "": row for row in _in_use(codes)}
    folder = environment().policy
    for code in (*codes, ""):
        if row := brought.get(code):
            yield StoredFile.objects.get(sha256=row.sha256).path.read_bytes()
        if folder and (path := folder / "templates" / code / NOTICE).is_file():
            yield path.read_bytes()
    yield SHIPPED.read_bytes()


def _in_use(codes: list[str]) -> list[PaperTemplate]:
    rows = PaperTemplate.objects.filter(Q(unit__code__in=codes) | Q(unit=None), retired_at=None)
    return list(rows.select_related("unit"))


def fill(template: bytes, fields: Mapping[str, Any], *, draft: str = "") -> bytes:
    """The paper. `draft`: what stands above it, and at the head of every page, while it is one. Raises: TemplateRefused."""
    out = BytesIO()
    try:
        paper = DocxTemplate(BytesIO(template))
        paper.render(dict(fields), jinja_env=SandboxedEnvironment(undefined=StrictUndefined), autoescape=True)
        if draft:
            _mark(paper.docx, draft)
        paper.save(out)
    except Exception as error:
        raise TemplateRefused(str(error)[:200]) from error
    return out.getvalue()


def _mark(paper: Any, words: str) -> None:
    """Whatever the department's template looks like, nobody takes a draft for the paper."""
    body = paper.element.body
    body.insert(0, paper.add_paragraph(words)._p)
    for section in paper.sections:
        for head in (section.header, section.first_page_header, section.even_page_header):
            head.is_linked_to_previous = False
            head.add_paragraph(words)
