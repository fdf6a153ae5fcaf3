"""What of an issue goes on paper: its record, 交办单 and 签收单 (PDF by Typst). 整改通知书 is made in `rectifications`,
检查笔录 in `inspection_paper`.

Every paper made is in the journal. Private notes and reporters' names are on none of them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typst
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from lingxiu.accounts.models import User
from lingxiu.files.models import Origin, StoredFile
from lingxiu.issues import cases, disputes, evidence, inspections, queries, words
from lingxiu.issues.disputes import Dispute
from lingxiu.issues.evidence import violation_of
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Assignment, Issue, MoveRow, Report
from lingxiu.issues.writing import scope_of
from lingxiu.journal.actions import record
from lingxiu.policy.rows import Basis
from lingxiu.policy.schema.violations import Violation
from lingxiu.territory.queries import town_names
from lingxiu.ui.fonts import chinese_font

Text = str | Promise
HERE = Path(__file__).parent
# What is printed in a Chinese county is Chinese, whoever presses the button.
ON_PAPER = "zh-hans"
MOST_PHOTOS = 12
MOST_SLIPS = 200
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
GIVEN = (State.DISPATCHED, State.HANDLING)


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def record_pdf(issue: Issue, reader: User, *, at: datetime) -> bytes:
    """The issue's whole history on one page, if that can be read."""
    made = typeset("record", record_data(issue, reader, at), _photos(issue))
    tell(issue, "record", reader, at)
    return made


def record_data(issue: Issue, reader: User, at: datetime) -> dict[str, object]:
    """What stands on the record; what people said only for who may read it on the screen."""
    parts, moves = queries.parts(issue), queries.timeline(issue, reader)[::-1]
    names = disputes.names_of(parts)
    with override(ON_PAPER):
        return {
            "number": issue.number,
            "what": violation_of(issue).label.zh,
            "facts": [{"label": str(label), "value": value} for label, value in _facts(issue) if value],
            "moves": [_move(row, violation_of(issue), names) for row in moves],
            "parts": [_part(part) for part in parts],
            "disputes": [_dispute(one) for one in disputes.disputes(parts, moves)],
            "reports": _reports(issue, reader),
            "photos": photos_data(_photos(issue)),
            "printed": printed(reader, at),
            "words": {
                "title": _("Record of an issue"), "time": _("Time"), "who": _("Who"), "what": _("What happened"),
                "answer": _("Answer:"), "reports": _("Reports by people"),
                "parts": _("Who works along"), "objection": _("Objection"), "reply": _("Reply of the lead"),
                "decision": _("Decision of the county"),
            },
        }  # fmt: skip


def _facts(issue: Issue) -> list[tuple[Text, str]]:
    in_force = violation_of(issue).bases_on(day_of(issue.act_at))
    bases = "；".join(written_basis(one) for one in in_force if one.binds(in_built_up=in_built_up(issue)))
    return [
        (_("Merchant"), issue.merchant.name if issue.merchant else ""),
        (_("Where"), " ".join(part for part in (town_names().get(issue.town, ""), issue.place) if part)),
        (_("State"), str(issue.get_state_display())),
        (_("Handling level"), f"{issue.get_level_display()} · {issue.get_flow_display()}"),
        (_("Source"), str(issue.get_source_display())),
        (_("Held by"), _holder(issue)),
        (_("It was so at"), clock(issue.act_at)),
        (_("Reported"), clock(issue.reported_at)),
        (_("Due"), clock(issue.due_at)),
        (_("Ended"), clock(issue.closed_at) if issue.closed_at else ""),
        (_("Result"), str(issue.get_result_display()) if issue.result else ""),
        *_case_facts(issue),
        *((_("Inspected"), _inspection(one)) for one in inspections.made_known_on(issue)),
        (_("Summary"), issue.summary if issue.summary != violation_of(issue).label.zh else ""),
        (_("Law"), bases),
    ]


def _inspection(made: Inspection) -> str:
    """When, by whom, with which code; of a draft that it is one."""
    officers = "、".join((made.officer.name, made.second_officer.name))
    code = made.act_code or _("act code outstanding")
    stands = code if made.is_final else _("draft: not signed by both")
    return " · ".join((clock(made.started_at), made.unit.name, officers, stands))


def _case_facts(issue: Issue) -> list[tuple[Text, str]]:
    if not issue.case_number:
        return []
    case = cases.of_rows(
        issue.moves.select_related("actor_unit").filter(Q(move="file_case") | Q(data__has_key="case_result"))
    )
    if case is None:
        return [(_("Number of the case"), issue.case_number)]
    filed = " · ".join(part for part in (case.body, case.day.isoformat(), case.cause) if part)
    result = case.result
    told = " · ".join(part for part in (result.word, result.day.isoformat(), result.number) if part) if result else ""
    return [(_("Number of the case"), case.number), (_("Case filed"), filed), (_("Result of the case"), told)]


def _part(part: Assignment) -> dict[str, str]:
    """A unit that works along, by when, when it was done and what came of it."""
    return {
        "unit": part.unit.name,
        "due": " ".join((_("Their part due"), clock(part.due_at))),
        "came": str(part.get_outcome_display() or part.get_state_display()),
        "ended": clock(part.ended_at) if part.ended_at else "",
    }


def _dispute(dispute: Dispute) -> dict[str, str]:
    """Objection and reply, to be read side by side, and how it was settled."""
    part, decision = dispute.part, dispute.decision
    settled = "" if dispute.is_open else str(part.get_outcome_display())
    return {
        "unit": part.unit.name,
        "objection": part.words,
        "reply": part.answer or _("none"),
        "decision": " · ".join(one for one in (settled, decision.words if decision else "") if one),
    }


def _move(row: MoveRow, violation: Violation, names: Mapping[int, str]) -> dict[str, object]:
    who = " · ".join(part for part in (row.actor_unit.name if row.actor_unit else "", _actor(row)) if part)
    handed = row.to_unit if row.to_unit_id and row.move in _HANDS_OVER else None
    return {
        "at": clock(row.at),
        "who": who,
        "what": str(words.made(row).made),
        "to": " · ".join(one.name for one in (handed, row.to_person if handed else None) if one),
        "result": str(row.get_result_display()) if row.result else "",
        "words": row.words,
        "answers": list(dict.fromkeys(row.data.get("answers", {}).values())),
        "told": [
            "：".join(line)
            for line in (
                *evidence.told_lines(violation, row.data, ON_PAPER),
                *cases.told_lines(row.data),
                *disputes.told_lines(row, names),
            )
        ],
    }


_HANDS_OVER = frozenset({"dispatch", "transfer", "escalate", "return", "rework", "decline", "reassign"})


def _actor(row: MoveRow) -> str:
    if row.actor is None:
        return str(words.SYSTEM)
    if row.on_behalf_of is None:
        return row.actor.name
    return _("%(who)s for %(other)s") % {"who": row.actor.name, "other": row.on_behalf_of.name}


def _reports(issue: Issue, reader: User) -> list[dict[str, str]]:
    """No names, no phones; the words as far as this reader may read them."""
    readable = set(Report.objects.visible_to(reader).filter(issue=issue).values_list("pk", flat=True))
    return [
        {
            "at": clock(row.reported_at),
            "source": " ".join(part for part in (str(row.get_source_display()), row.own_number) if part),
            "words": row.words if row.pk in readable else "",
            "answer": row.answer,
        }
        for row in issue.reports.order_by("reported_at")
    ]


def _photos(issue: Issue) -> list[StoredFile]:
    """The officers' own pictures, the newest, in order; reporters' may show where they live and stay on the screen."""
    return drawn_of([name for row in issue.moves.order_by("version") for name in row.photos][-MOST_PHOTOS:])


# ── slips ────────────────────────────────────────────────────────────────────────────────────────────────────────


class NothingGiven(Exception):
    """None of these issues is with anybody: there is nothing to hand over, or to sign for."""


def slips_pdf(kind: str, issues: Iterable[Issue], printer: User, *, at: datetime) -> bytes:
    """交办单 (`assignment`), one a page, or 签收单 (`receipt`), a list, of those of these issues that somebody was given.

    Raises: NothingGiven.
    """
    given = [issue for issue in issues if issue.state in GIVEN][:MOST_SLIPS]
    if not given:
        raise NothingGiven
    made = typeset("slips", slips_data(kind, given, printer, at))
    for issue in given:
        tell(issue, kind, printer, at)
    return made


def slips_data(kind: str, given: Sequence[Issue], printer: User, at: datetime) -> dict[str, object]:
    """What stands on the slips."""
    with override(ON_PAPER):
        titles = {"assignment": _("Assignment slip"), "receipt": _("Receipt")}
        return {
            "kind": kind,
            "slips": [_slip(issue) for issue in given],
            "printed": printed(printer, at),
            "day": f"{timezone.localtime(at):%Y-%m-%d}",
            "words": {
                "title": titles[kind], "number": _("Number"), "what": _("What"), "to": _("Given to"), "due": _("Due"),
                "signature": _("Signature"), "issued_by": _("Issued by"), "received_by": _("Received by"), "date": _("Date"),
                "count": _("%(n)s issues") % {"n": len(given)},
            },
        }  # fmt: skip


def _slip(issue: Issue) -> dict[str, object]:
    """Of the reports only that there are some: whoever is given it may be the one who meets the shop every day."""
    violation = violation_of(issue)
    last = issue.moves.filter(move__in=["dispatch", "transfer"]).order_by("-version").first()
    holder = _holder(issue)
    place = " ".join(part for part in (town_names().get(issue.town, ""), issue.place) if part)
    rows: list[tuple[Text, str]] = [
        (_("Given to"), holder),
        (_("What"), violation.label.zh),
        (_("Merchant"), issue.merchant.name if issue.merchant else ""),
        (_("Where"), place),
        (_("Source"), str(issue.get_source_display())),
        (_("First step"), violation.first_step.zh if violation.first_step else ""),
        (_("What to see to"), violation.advice.zh if violation.advice else ""),
        (_("Words"), last.words if last else ""),
        (_("This step due"), clock(issue.step_due_at)),
        (_("Whole issue due"), clock(issue.due_at)),
    ]
    return {
        "number": issue.number,
        "given": clock(last.at) if last else "",
        "rows": [{"label": str(label), "value": value} for label, value in rows if value],
        "what": violation.label.zh,
        "place": " ".join(part for part in (issue.merchant.name if issue.merchant else "", place) if part),
        "to": holder,
        "due": clock(issue.step_due_at),
    }


# ── in common ────────────────────────────────────────────────────────────────────────────────────────────────────


def in_built_up(issue: Issue) -> bool:
    """Of what has no shop nobody has said where it lies: the law book's whole list holds."""
    return issue.merchant is None or issue.merchant.in_built_up


def _holder(issue: Issue) -> str:
    """Unit and person; whom the person stands in for, if for somebody (代)."""
    ball = queries.ball(issue)
    if ball is None:
        return ""
    person = ball.person.name if ball.person else ""
    stands_in = _("for %(name)s") % {"name": ball.deputy_for.name} if ball.deputy_for else ""
    return " · ".join(filter(None, [ball.unit.name, f"{person}（{stands_in}）" if stands_in else person]))


def written_basis(basis: Basis) -> str:
    """A basis as papers name it."""
    return f"《{basis.law.zh}》{basis.article}"


def day_of(at: datetime) -> date:
    """The county's day."""
    return timezone.localtime(at).date()


def clock(at: datetime) -> str:
    """As papers write a time."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def printed(printer: User, at: datetime) -> str:
    """The line that says who printed it, when."""
    return _("Printed by %(name)s on %(time)s") % {"name": printer.name, "time": clock(at)}


def tell(issue: Issue, paper: str, printer: User, at: datetime, **more: object) -> None:
    """The journal's line: which paper, of which issue, by whom."""
    with transaction.atomic():
        record(
            "issue.printed", "issue", issue.number, at=at, actor_id=printer.pk, scope=scope_of(issue),
            reference={"paper": paper, **more},
        )  # fmt: skip


def drawn_of(names: Sequence[str]) -> list[StoredFile]:
    """The stored pictures of these names that can be drawn, in order."""
    files = StoredFile.objects.in_bulk(names, field_name="sha256")
    return [files[name] for name in names if name in files and files[name].small_path.exists()]


def photos_data(pictures: Sequence[StoredFile]) -> list[dict[str, str]]:
    """What a template is told of its pictures: the file, and of one from the album that it is."""
    mark = {Origin.ALBUM: str(_("from the album"))}
    return [{"file": _name(one.small_path), "mark": mark.get(Origin(one.origin), "")} for one in pictures]


def _name(picture: Path) -> str:
    """A stored picture's name as Typst wants it: with the ending that says what it is."""
    return f"{picture.name}.jpg"


def typeset(template: str, data: dict[str, object], pictures: Sequence[StoredFile] = ()) -> bytes:
    """A PDF of this template, in a folder of its own that holds nothing but what is printed."""
    with tempfile.TemporaryDirectory(prefix="lingxiu-paper-") as name:
        folder = Path(name)
        shutil.copy(HERE / f"{template}.typ", folder)
        (folder / f"{template}.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        for picture in pictures:
            shutil.copy(picture.small_path, folder / _name(picture.small_path))
        drawn: Any = typst.compile(
            input=str(folder / f"{template}.typ"), root=name, format="pdf",
            font_paths=[str(chinese_font().parent)], ignore_system_fonts=True,
        )  # fmt: skip
    return bytes(drawn)
