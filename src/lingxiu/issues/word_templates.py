"""The Word template of a unit's notice: which one is used, and how it is filled. A template may name fields, and run nothing.

Used is the one the unit brought, else that of the department that answers for the violation, else the county's, else the shipped
one; at each step what was brought on the page before what lies in the county's policy folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from lingxiu.accounts.models import Unit, User
from lingxiu.config.environment import environment
from lingxiu.files.actions import store_document, use_file
from lingxiu.files.models import StoredFile
from lingxiu.issues.template_models import PaperTemplate
from lingxiu.journal.actions import Scope, record

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


# ── what units brought ───────────────────────────────────────────────────────────────────────────────────────────


def bring(unit: Unit | None, data: bytes, name: str, *, by: User, at: datetime) -> PaperTemplate:
    """Use this template, which has no problems, from now on; the one before is kept. `unit` None: for the whole county."""
    with transaction.atomic():
        file = store_document(data, content_type=WORD, stored_at=at, stored_by=by.pk)
        last = _versions(unit).order_by("-version").select_for_update().first()
        _retire(unit, by, at)
        made = PaperTemplate.objects.create(
            unit=unit,
            version=last.version + 1 if last else 1,
            sha256=file.sha256,
            name=name[:120],
            brought_at=at,
            brought_by=by,
        )
        use_file(file, "paper_template", made.pk)
        _tell("paper_template.brought", made, by, at)
    return made


def use_again(template_id: int, *, by: User, at: datetime) -> None:
    """Go back to a version that was used before. Raises: PaperTemplate.DoesNotExist."""
    with transaction.atomic():
        made = PaperTemplate.objects.select_for_update(of=("self",)).select_related("unit").get(pk=template_id)
        if made.retired_at is None:
            return
        _retire(made.unit, by, at)
        made.retired_at = made.retired_by = None
        made.save(update_fields=["retired_at", "retired_by"])
        _tell("paper_template.brought", made, by, at)


def use_shipped(unit: Unit | None, *, by: User, at: datetime) -> None:
    """Use none of the unit's own any more."""
    with transaction.atomic():
        for made in _retire(unit, by, at):
            _tell("paper_template.retired", made, by, at)


def versions(unit: Unit | None) -> list[PaperTemplate]:
    """All it brought, the newest first."""
    return list(_versions(unit).select_related("brought_by").order_by("-version"))


def _versions(unit: Unit | None) -> QuerySet[PaperTemplate]:
    return PaperTemplate.objects.filter(unit=unit) if unit else PaperTemplate.objects.filter(unit=None)


def _retire(unit: Unit | None, by: User, at: datetime) -> list[PaperTemplate]:
    used = list(_versions(unit).filter(retired_at=None).select_for_update())
    for one in used:
        one.retired_at, one.retired_by = at, by
        one.save(update_fields=["retired_at", "retired_by"])
    return used


def _tell(kind: str, made: PaperTemplate, by: User, at: datetime) -> None:
    scope = Scope(unit_id=made.unit_id)
    record(kind, "paper_template", made.pk, at=at, actor_id=by.pk, scope=scope, reference={"version": made.version})


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
