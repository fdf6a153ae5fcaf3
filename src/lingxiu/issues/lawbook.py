"""The law book: what may be wrong, by which law of the day of the act, what may follow and who sees to it.

Reads the edition in force. It shows every variant and decides nothing: not who is a person or a unit, not how much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from lingxiu.china.pinyin import fold
from lingxiu.issues.filters import Filter
from lingxiu.issues.matching import matching
from lingxiu.issues.models import FlowChoice
from lingxiu.issues.paging import total
from lingxiu.issues.views import officer
from lingxiu.issues.words import SEVERITIES
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.rows import Basis, Label
from lingxiu.policy.schema.bodies import Department, Task
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.violations import Evidence, Penalty, Violation

LOOKING_BACK = timedelta(days=90)
LONGEST_WORDS = 60
Words = Mapping[str, str | Promise]

STAGES: Words = {
    "before": _("Before opening"),
    "during": _("While trading"),
    "after": _("When something is wrong"),
    "evaluation": _("Evaluation"),
}
KINDS: Words = {
    "law": _("with a law behind it"),
    "everyday": _("everyday, remind and help"),
    "public": _("as the public says it"),
    "lead": _("lead of a device or forecast"),
}
WHEN: Words = {
    "at_once": _("at once"),
    "uncorrected": _("if not corrected"),
    "grave": _("if grave"),
    "uncorrected_or_grave": _("if not corrected, or grave"),
}
WHO: Words = {"anyone": _("whoever did it"), "unit": _("a unit"), "person": _("an individual")}
SURE: Words = {
    "S": _("read in a full source"),
    "S-": _("read in a weak source"),
    "V": _("checked by computing"),
    "G": _("general knowledge, not checked"),
    "P": _("our proposal"),
    "U": _("not known for certain"),
}
EVIDENCE: Words = {
    "photo_before": _("picture of how it was"),
    "photo_after": _("picture of how it is now"),
    "reading": _("a measured value"),
    "form": _("a filled form"),
}
ANSWERS: Words = {
    "choice": _("choose"),
    "number": _("number"),
    "text": _("in words"),
    "date": _("a day"),
}


# ── what is asked for ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader looks for. `day`: of the act; it chooses laws and amounts."""

    day: date
    today: date
    q: str = ""
    department: str = ""
    kind: str = ""
    printable: bool = False
    to_town: bool = False
    by: str = "stage"

    @classmethod
    def read(cls, query: Mapping[str, str], today: date) -> Wanted:
        """What an address asks for; what is no day of ours is today, what is no kind of ours is any."""
        kind = query.get("kind", "")
        return cls(
            day=_day(query.get("day", "")) or today,
            today=today,
            q=" ".join(query.get("q", "").replace("\0", "").split())[:LONGEST_WORDS],
            department=query.get("department", ""),
            kind=kind if kind in KINDS else "",
            printable=query.get("printable") == "1",
            to_town=query.get("to_town") == "1",
            by="department" if query.get("by") == "department" else "stage",
        )

    @property
    def query(self) -> str:
        """As the query of an address; empty for the whole book as it stands today."""
        values = {
            "day": self.day.isoformat() if self.day != self.today else "",
            "q": self.q,
            "department": self.department,
            "kind": self.kind,
            "printable": "1" if self.printable else "",
            "to_town": "1" if self.to_town else "",
            "by": self.by if self.by != "stage" else "",
        }
        return urlencode({name: value for name, value in values.items() if value})

    @property
    def active(self) -> int:
        """How many filters there are beside words and order."""
        return sum(map(bool, (self.department, self.kind, self.printable, self.to_town, self.day != self.today)))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def kind_of(violation: Violation) -> str:
    """Which of `KINDS` it is."""
    if violation.kind == "lead":
        return "lead"
    if violation.public:
        return "public"
    return "law" if violation.bases else "everyday"


def search(edition_id: int, wanted: Wanted) -> list[Violation]:
    """The violations of an edition that fit, in the catalogue's order; every word must be found somewhere in one."""
    texts = _texts(edition_id)
    words = [fold(word) for word in wanted.q.split()]
    return [
        row
        for row in edition(edition_id).catalogues.violations
        if _fits(row, wanted) and all(word in texts[row.id] for word in words)
    ]


def _fits(row: Violation, wanted: Wanted) -> bool:
    return (
        (not wanted.department or wanted.department in (row.responsible, *row.cooperating))
        and (not wanted.kind or kind_of(row) == wanted.kind)
        and (not wanted.printable or (row.holds(wanted.day) and bool(row.printable_basis(wanted.day))))
        and (not wanted.to_town or row.given_to_town(wanted.day))
    )


@lru_cache(maxsize=4)
def _texts(edition_id: int) -> dict[str, str]:
    """What each violation is found by, folded: its words in both languages, id, laws, articles, departments."""
    catalogues = edition(edition_id).catalogues
    departments = {row.id: row.label for row in catalogues.departments}
    return {
        row.id: "\n".join(fold(text) for text in (row.id, *_said(row, departments))) for row in catalogues.violations
    }


def _said(row: Violation, departments: Mapping[str, Label]) -> Iterator[str]:
    labels = [row.label, row.first_step, row.advice, *(basis.law for basis in row.bases)]
    labels += [one.text for one in row.penalties]
    labels += [departments[body] for body in (row.responsible, *row.cooperating)]
    for label in filter(None, labels):
        yield from (label.zh, label.en)
    for basis in row.bases:
        yield from (basis.article, in_digits(basis.article))
    if row.power:
        yield row.power.code
        yield row.power.name


DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")}
NUMERAL = re.compile(f"[{''.join(DIGITS)}十百]+")


def in_digits(article: str) -> str:
    """An article as people type it: 第一百一十八条 is 第118条."""
    return NUMERAL.sub(lambda found: str(_number(found[0])), article)


def _number(numeral: str) -> int:
    """A number below a thousand."""
    whole, digit = 0, 0
    for character in numeral:
        if character in DIGITS:
            digit = DIGITS[character]
        else:
            whole, digit = whole + (digit or 1) * {"十": 10, "百": 100}[character], 0
    return whole + digit


# ── the book ─────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def book(request: HttpRequest) -> HttpResponse:
    """`/issues/law/`: every violation, by stage or department, as it stood on the day of the act."""
    user = officer(request)
    policy, today = in_force(), timezone.localdate()
    wanted = Wanted.read(request.GET, today)
    found = search(policy.id, wanted)
    context = {
        "wanted": wanted,
        "groups": _groups(found, wanted, policy.catalogues),
        "found": len(found),
        "all": len(policy.catalogues.violations),
        "departments": policy.catalogues.departments,
        "kinds": KINDS.items(),
        "tabs": _tabs(wanted),
        "keeps_templates": user.authority.may("issues.keep_templates"),
        "day_changed": wanted.day != today,
        "reset": f"?{replace(wanted, day=today, department='', kind='', printable=False, to_town=False).query}",
    }
    return render(request, "issues/lawbook.html", context)


def _tabs(wanted: Wanted) -> list[dict[str, object]]:
    words = {"stage": gettext("By stage"), "department": gettext("By department")}
    return [
        {"label": label, "url": f"?{replace(wanted, by=by).query}", "active": wanted.by == by, "count": None}
        for by, label in words.items()
    ]


def _groups(rows: Iterable[Violation], wanted: Wanted, catalogues: Catalogues) -> list[dict[str, object]]:
    """The rows under the headings they are read by, those with a law first; headings without rows are left out."""
    tasks = {task.id: task for task in catalogues.tasks}
    departments = {row.id: row for row in catalogues.departments}
    headings: dict[str, object] = (
        {row.id: row.label for row in catalogues.departments} if wanted.by == "department" else dict(STAGES)
    )
    under: dict[str, list[dict[str, object]]] = {heading: [] for heading in headings}
    for row in sorted(rows, key=lambda one: list(KINDS).index(kind_of(one))):
        heading = row.responsible if wanted.by == "department" else tasks[row.task].stage
        under[heading].append(_row(row, wanted.day, departments))
    return [{"heading": headings[name], "rows": lines} for name, lines in under.items() if lines]


def _row(row: Violation, day: date, departments: Mapping[str, Department]) -> dict[str, object]:
    return {
        "id": row.id,
        "label": row.label,
        "laws": row.bases_on(day),
        "first_step": row.first_step,
        "fines": [
            {"who": "" if one.who == "anyone" else WHO[one.who], "amount": amount(one)}
            for one in row.variants_on(day)
            if one.most is not None
        ],
        "department": departments[row.responsible].short,
        "notice": _notice(row, day),
        "to_town": row.given_to_town(day),
        "kind": KINDS[kind_of(row)],
    }


def _notice(row: Violation, day: date) -> dict[str, object]:
    """Whether a notice about an act of this day may name its law: tone and word."""
    if not row.bases:
        return {}
    if not row.holds(day):
        return {"tone": "neutral", "word": gettext("switched off")}
    if row.printable_basis(day):
        return {"tone": "success", "word": gettext("may be printed")}
    return {"tone": "warning", "word": gettext("guides only")}


def amount(penalty: Penalty) -> str:
    """What it costs: a range, an upper end, or one sum; empty where money is not counted."""
    if penalty.most is None:
        return ""
    if penalty.least is None:
        return gettext("up to CNY %(most)s") % {"most": f"{penalty.most:,}"}
    if penalty.least == penalty.most:
        return gettext("CNY %(sum)s") % {"sum": f"{penalty.most:,}"}
    return gettext("CNY %(least)s–%(most)s") % {"least": f"{penalty.least:,}", "most": f"{penalty.most:,}"}


# ── one violation ────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def law(request: HttpRequest, violation_id: str) -> HttpResponse:
    """`/issues/law/<id>/`: one violation whole: laws with their days, fines side by side, what to show and to ask."""
    user, now = officer(request), timezone.now()
    policy, today = in_force(), timezone.localdate(now)
    try:
        row = policy.catalogues.violation(violation_id)
    except KeyError:
        raise Http404 from None
    wanted = Wanted.read(request.GET, today)
    day = wanted.day
    lately = Filter(view="all", violation=row.id, since=today - LOOKING_BACK)
    departments = {one.id: one for one in policy.catalogues.departments}
    context = {
        "row": row,
        "wanted": wanted,
        "kind": KINDS[kind_of(row)],
        "severity": SEVERITIES[row.severity],
        "flow": FlowChoice(row.flow).label,
        "task": _task(row, policy.catalogues),
        "stage": STAGES[_task(row, policy.catalogues).stage],
        "responsible": departments[row.responsible],
        "cooperating": [departments[one] for one in row.cooperating],
        "licences": [one.label for one in policy.catalogues.kinds.licences if one.id in row.licences],
        "bases": [_basis(basis, day) for basis in row.bases],
        "notice": _notice(row, day),
        "ended": any(basis.in_force(day) and not basis.in_force(today) for basis in row.bases),
        "penalties": side_by_side(row.variants_on(day)),
        "both": {one.who for one in row.variants_on(day)} >= {"person", "unit"},
        "penalties_unknown": bool(row.penalties) and not row.variants_on(day),
        "evidence": _evidence(row.evidence),
        "questions": [(question, ANSWERS[question.kind]) for question in row.questions],
        "power_sure": SURE[row.power.confidence] if row.power else "",
        "to_town": row.given_to_town(day),
        "to_town_sure": SURE[row.power.to_town.confidence] if row.power else "",
        "sure": SURE[row.confidence],
        "lately": total(matching(lately, user, now)),
        "lately_url": f"/issues/?{lately.but()}",
        "back": f"/issues/law/?{replace(wanted, q='').query}#{row.id}",
    }
    return render(request, "issues/lawbook_entry.html", context)


def _task(row: Violation, catalogues: Catalogues) -> Task:
    return next(task for task in catalogues.tasks if task.id == row.task)


def _basis(basis: Basis, day: date) -> dict[str, object]:
    """A law with what may be done with it on this day."""
    if not basis.in_force(day):
        tone, word = "neutral", gettext("not on this day")
    elif basis.printable(day):
        tone, word = "success", gettext("may be printed")
    elif basis.article:
        tone, word = "warning", gettext("article not checked")
    else:
        tone, word = "warning", gettext("article not known")
    return {"basis": basis, "tone": tone, "word": word, "sure": SURE[basis.confidence], "off": not basis.in_force(day)}


def _evidence(evidence: Evidence) -> list[str | Promise]:
    return [words for name, words in EVIDENCE.items() if getattr(evidence, name)]


def side_by_side(variants: Iterable[Penalty]) -> dict[str, object]:
    """Variants as a table: one row for each case, a unit beside a person where they differ, else one cell across."""
    variants = list(variants)
    parted = any(one.who != "anyone" for one in variants)
    columns = ["unit", "person"] if parted else ["anyone"]
    rows: list[dict[str, object]] = []
    for when in WHEN:
        of_case = [one for one in variants if one.when == when]
        rows += [
            {"when": WHEN[when], "cells": [_cell("anyone", [one], len(columns))]}
            for one in of_case
            if one.who == "anyone"
        ]
        if any(one.who != "anyone" for one in of_case):
            cells = [_cell(who, [one for one in of_case if one.who == who], 1) for who in columns]
            rows.append({"when": WHEN[when], "cells": cells})
    return {"columns": [WHO[who] for who in columns], "rows": rows}


def _cell(who: str, variants: list[Penalty], span: int) -> dict[str, object]:
    said = [{"amount": amount(one), "may": one.may, "text": one.text} for one in variants]
    return {"who": WHO[who], "variants": said, "span": span}
