"""What of an issue goes on paper: its record, 交办单 and 签收单 (PDF by Typst), 整改通知书 (Word from the department's template).

Every paper made is in the journal. Private notes and reporters' names are on none of them; a notice is made only by two
certified officers of an enforcing body, for a finding, by a basis that may be printed for the day of the act.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import typst
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from lingxiu.accounts.authority import HeldPost
from lingxiu.accounts.models import Post, Unit, User
from lingxiu.config.environment import environment
from lingxiu.files.actions import store_document, use_file
from lingxiu.files.models import Origin, StoredFile
from lingxiu.issues import cases, evidence, queries, words
from lingxiu.issues.inspections import for_notice
from lingxiu.issues.lifecycle import By, State
from lingxiu.issues.models import Issue, MoveRow, Report
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import scope_of
from lingxiu.journal.actions import record
from lingxiu.policy.queries import edition
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
NOTICE = "rectification-notice.docx"
SHIPPED = HERE.parent / "policy" / "templates"
GIVEN = (State.DISPATCHED, State.HANDLING)


# ── the record ───────────────────────────────────────────────────────────────────────────────────────────────────


def record_pdf(issue: Issue, reader: User, *, at: datetime) -> bytes:
    """The issue's whole history on one page, if that can be read."""
    made = _typeset("record", record_data(issue, reader, at), [path for path, _album in _photos(issue)])
    _tell(issue, "record", reader, at)
    return made


def record_data(issue: Issue, reader: User, at: datetime) -> dict[str, object]:
    """What stands on the record; what people said only for who may read it on the screen."""
    with override(ON_PAPER):
        return {
            "number": issue.number,
            "what": _violation(issue).label.zh,
            "facts": [{"label": str(label), "value": value} for label, value in _facts(issue) if value],
            "moves": [_move(row, _violation(issue)) for row in queries.timeline(issue, reader)[::-1]],
            "reports": _reports(issue, reader),
            "photos": [
                {"file": _name(path), "mark": str(_("from the album")) if album else ""} for path, album in _photos(issue)
            ],
            "printed": _printed(reader, at),
            "words": {
                "title": _("Record of an issue"), "time": _("Time"), "who": _("Who"), "what": _("What happened"),
                "answer": _("Answer:"), "reports": _("Reports by people"),
            },
        }  # fmt: skip


def _facts(issue: Issue) -> list[tuple[Text, str]]:
    in_force = _violation(issue).bases_on(_day(issue.act_at))
    bases = "；".join(_basis(one) for one in in_force if one.binds(in_built_up=_in_built_up(issue)))
    return [
        (_("Merchant"), issue.merchant.name if issue.merchant else ""),
        (_("Where"), " ".join(part for part in (town_names().get(issue.town, ""), issue.place) if part)),
        (_("State"), str(issue.get_state_display())),
        (_("Handling level"), f"{issue.get_level_display()} · {issue.get_flow_display()}"),
        (_("Source"), str(issue.get_source_display())),
        (_("Held by"), _holder(issue)),
        (_("It was so at"), _clock(issue.act_at)),
        (_("Reported"), _clock(issue.reported_at)),
        (_("Due"), _clock(issue.due_at)),
        (_("Ended"), _clock(issue.closed_at) if issue.closed_at else ""),
        (_("Result"), str(issue.get_result_display()) if issue.result else ""),
        *_case_facts(issue),
        (_("Summary"), issue.summary if issue.summary != _violation(issue).label.zh else ""),
        (_("Law"), bases),
    ]


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


def _move(row: MoveRow, violation: Violation) -> dict[str, object]:
    who = " · ".join(part for part in (row.actor_unit.name if row.actor_unit else "", _actor(row)) if part)
    handed = row.to_unit if row.to_unit_id and row.move in _HANDS_OVER else None
    return {
        "at": _clock(row.at),
        "who": who,
        "what": str(words.made(row).made),
        "to": " · ".join(one.name for one in (handed, row.to_person if handed else None) if one),
        "result": str(row.get_result_display()) if row.result else "",
        "words": row.words,
        "answers": list(dict.fromkeys(row.data.get("answers", {}).values())),
        "told": [
            "：".join(line)
            for line in (*evidence.told_lines(violation, row.data, ON_PAPER), *cases.told_lines(row.data))
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
            "at": _clock(row.reported_at),
            "source": " ".join(part for part in (str(row.get_source_display()), row.own_number) if part),
            "words": row.words if row.pk in readable else "",
            "answer": row.answer,
        }
        for row in issue.reports.order_by("reported_at")
    ]


def _photos(issue: Issue) -> list[tuple[Path, bool]]:
    """The officers' own pictures, the newest, in order, and which of them are from the album; reporters' may show where they
    live and stay on the screen."""
    names = [name for row in issue.moves.order_by("version") for name in row.photos][-MOST_PHOTOS:]
    files = StoredFile.objects.in_bulk(names, field_name="sha256")
    kept = [files[name] for name in names if name in files]
    return [(file.small_path, file.origin == Origin.ALBUM) for file in kept if file.small_path.exists()]


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
    made = _typeset("slips", slips_data(kind, given, printer, at), [])
    for issue in given:
        _tell(issue, kind, printer, at)
    return made


def slips_data(kind: str, given: Sequence[Issue], printer: User, at: datetime) -> dict[str, object]:
    """What stands on the slips."""
    with override(ON_PAPER):
        titles = {"assignment": _("Assignment slip"), "receipt": _("Receipt")}
        return {
            "kind": kind,
            "slips": [_slip(issue) for issue in given],
            "printed": _printed(printer, at),
            "day": f"{timezone.localtime(at):%Y-%m-%d}",
            "words": {
                "title": titles[kind], "number": _("Number"), "what": _("What"), "to": _("Given to"), "due": _("Due"),
                "signature": _("Signature"), "issued_by": _("Issued by"), "received_by": _("Received by"), "date": _("Date"),
                "count": _("%(n)s issues") % {"n": len(given)},
            },
        }  # fmt: skip


def _slip(issue: Issue) -> dict[str, object]:
    """Of the reports only that there are some: whoever is given it may be the one who meets the shop every day."""
    violation = _violation(issue)
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
        (_("This step due"), _clock(issue.step_due_at)),
        (_("Whole issue due"), _clock(issue.due_at)),
    ]
    return {
        "number": issue.number,
        "given": _clock(last.at) if last else "",
        "rows": [{"label": str(label), "value": value} for label, value in rows if value],
        "what": violation.label.zh,
        "place": " ".join(part for part in (issue.merchant.name if issue.merchant else "", place) if part),
        "to": holder,
        "due": _clock(issue.step_due_at),
    }


# ── the notice to the merchant ───────────────────────────────────────────────────────────────────────────────────


class NoticeRefused(Exception):
    """A notice that may not be made. `why`: a key of `WHY_NO_NOTICE`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


WHY_NO_NOTICE: dict[str, Text] = {
    "person": gettext_lazy(
        "Notices are made by certified officers of an enforcing body. Grid members visit, remind and report: feed back what "
        "you found, and the officers take it on."
    ),
    "part": gettext_lazy("Your unit has no part in this issue: have it given to you first."),
    "body": gettext_lazy("Your unit does not enforce this: the law names another department, or the town was not given it."),
    "ended": gettext_lazy("The issue has ended."),
    "merchant": gettext_lazy("It is not known which shop it is: say so on the issue first."),
    "lead": gettext_lazy("A device's value is a lead, never a finding: look into it and record what you found as a find."),
    "built_up": gettext_lazy(
        "The law binds shops in built-up areas only, and this one is entered as outside: advise it, or have its entry corrected."
    ),
    "basis": gettext_lazy("No basis in force on the day of the act is known to its article from a full source: print none."),
    "inspection": gettext_lazy(
        "A notice rests on an inspection of your unit that has its code of the act: record it on the issue first; where the code "
        "is outstanding, it is asked for every minute."
    ),
    "second": gettext_lazy("Two certified officers of your unit are named on a notice: choose the other one."),
    "words": gettext_lazy("Write what must be put right."),
    "until": gettext_lazy("Choose a day after today by which it must be put right."),
    "template": gettext_lazy("The department's template cannot be filled in: its fields are described in docs/papers.md."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """What an officer says in a notice: the other officer, what must be put right, by when."""

    second: User | None
    demands: str
    until: date | None


def refuse_notice(issue: Issue, officer: User) -> HeldPost:
    """Whether this officer may make a notice on this issue at all: the post they make it in. Raises: NoticeRefused."""
    posts = officer.authority.posts_that_may("issues.inspect")
    if not posts or not officer.authority.is_certified:
        raise NoticeRefused("person")
    if By.ENFORCER not in relations(officer.pk, officer.authority, queries.situation(issue).held):
        raise NoticeRefused("part")
    violation, day = _violation(issue), _day(issue.act_at)
    enforcing = [post for post in posts if _enforces(post, violation, day)]
    if not enforcing:
        raise NoticeRefused("body")
    obstacles = {
        "ended": not issue.is_open,
        "merchant": issue.merchant_id is None,
        "lead": violation.kind == "lead",
        "built_up": bool(violation.printable_basis(day)) and not bases_for(issue),
        "basis": not bases_for(issue),
        "inspection": for_notice(issue, enforcing[0].unit_id) is None,
    }
    for why, stands in obstacles.items():
        if stands:
            raise NoticeRefused(why)
    return enforcing[0]


def bases_for(issue: Issue) -> tuple[Basis, ...]:
    """What a notice on this issue may name: printable for the day of the act, and law where the shop lies."""
    return _violation(issue).printable_basis(_day(issue.act_at), in_built_up=_in_built_up(issue))


def _in_built_up(issue: Issue) -> bool:
    """Of what has no shop nobody has said where it lies: the law book's whole list holds."""
    return issue.merchant is None or issue.merchant.in_built_up


def _enforces(post: HeldPost, violation: Violation, day: date) -> bool:
    """The department that answers for it, or works along; the town's team where the town was given it."""
    if post.unit_kind == "town_team":
        return violation.given_to_town(day)
    return post.unit_code in (violation.responsible, *violation.cooperating)


def second_officers(post: HeldPost, officer: User, at: datetime) -> list[User]:
    """Other certified officers of the same unit."""
    held = Post.objects.filter(Post.held_at(at), unit=post.unit_id, user__is_active=True).exclude(user=officer)
    people = {row.user_id: row.user for row in held.select_related("user").order_by("user__name")}
    return [person for person in people.values() if person.authority.may("issues.inspect")]


def make_notice(issue: Issue, officer: User, notice: Notice, *, at: datetime) -> StoredFile:
    """整改通知书 as Word, kept with the issue. Raises: NoticeRefused."""
    post = refuse_notice(issue, officer)
    if notice.second is None or notice.second not in second_officers(post, officer, at):
        raise NoticeRefused("second")
    if not notice.demands.strip():
        raise NoticeRefused("words")
    if notice.until is None or notice.until <= _day(at):
        raise NoticeRefused("until")
    unit = Unit.objects.get(pk=post.unit_id)
    with override(ON_PAPER):
        fields = _notice_fields(issue, officer, notice, unit, at)
    made = _fill_in(template_of(unit, _violation(issue)), fields)
    with transaction.atomic():
        file = store_document(made, content_type=WORD, stored_at=at, stored_by=officer.pk)
        use_file(file, "issue", issue.number)
        _tell(issue, "notice", officer, at, file=file.sha256, second=notice.second.pk)
    return file


def _notice_fields(issue: Issue, officer: User, notice: Notice, unit: Unit, at: datetime) -> dict[str, Any]:
    """What a template may name (docs/papers.md)."""
    violation, day = _violation(issue), _day(issue.act_at)
    assert issue.merchant is not None and notice.second is not None and notice.until is not None
    people, inspected = (officer, notice.second), for_notice(issue, unit.pk)
    held = Post.objects.filter(Post.held_at(at), unit=unit, user__in=people).exclude(certificate_no="")
    certificates = dict(held.values_list("user_id", "certificate_no"))
    return {
        "number": issue.number,
        "unit": unit.name,
        "merchant": issue.merchant.name,
        "licence_no": issue.merchant.licence_no or "",
        "address": issue.merchant.address,
        "act_on": _written(day),
        "finding": violation.label.zh,
        "summary": issue.summary if issue.summary != violation.label.zh else "",
        "bases": [_basis(one) for one in bases_for(issue)],
        "demands": [line.strip() for line in notice.demands.splitlines() if line.strip()],
        "until": _written(notice.until),
        "officers": [{"name": one.name, "certificate": certificates.get(one.pk, "")} for one in people],
        "act_code": inspected.act_code if inspected else "",
        "power_code": violation.power.code if violation.power else "",
        "today": _written(_day(at)),
    }


def template_of(unit: Unit, violation: Violation) -> Path:
    """The department's own template (`templates/<code>/` in the county's policy folder), the county's, else ours.

    A town's team uses the templates of the department whose power it was given.
    """
    folder = environment().policy
    own = [folder / "templates" / code / NOTICE for code in (unit.code, violation.responsible)] if folder else []
    county = [folder / "templates" / NOTICE] if folder else []
    return next((path for path in (*own, *county) if path.is_file()), SHIPPED / NOTICE)


def _fill_in(path: Path, fields: dict[str, Any]) -> bytes:
    """A template comes from a department's desk: it may name fields, and run nothing. Raises: NoticeRefused."""
    out = BytesIO()
    try:
        template = DocxTemplate(path)
        template.render(fields, jinja_env=SandboxedEnvironment(undefined=StrictUndefined), autoescape=True)
        template.save(out)
    except Exception as error:
        raise NoticeRefused("template") from error
    return out.getvalue()


def notices_of(issue: Issue) -> list[StoredFile]:
    """The notices made on an issue, the newest first."""
    rows = StoredFile.objects.filter(uses__subject_kind="issue", uses__subject_id=issue.number, content_type=WORD)
    return list(rows.order_by("-stored_at"))


# ── in common ────────────────────────────────────────────────────────────────────────────────────────────────────


def _violation(issue: Issue) -> Violation:
    return edition(issue.edition).catalogues.violation(issue.violation)


def _holder(issue: Issue) -> str:
    """Unit and person; whom the person stands in for, if for somebody (代)."""
    ball = queries.ball(issue)
    if ball is None:
        return ""
    person = ball.person.name if ball.person else ""
    stands_in = _("for %(name)s") % {"name": ball.deputy_for.name} if ball.deputy_for else ""
    return " · ".join(filter(None, [ball.unit.name, f"{person}（{stands_in}）" if stands_in else person]))


def _basis(basis: Basis) -> str:
    return f"《{basis.law.zh}》{basis.article}"


def _day(at: datetime) -> date:
    return timezone.localtime(at).date()


def _clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _written(day: date) -> str:
    return _("%(year)s-%(month)s-%(day)s") % {"year": day.year, "month": day.month, "day": day.day}


def _printed(printer: User, at: datetime) -> str:
    return _("Printed by %(name)s on %(time)s") % {"name": printer.name, "time": _clock(at)}


def _tell(issue: Issue, paper: str, printer: User, at: datetime, **more: object) -> None:
    """The journal's line: which paper, of which issue, by whom."""
    with transaction.atomic():
        record(
            "issue.printed", "issue", issue.number, at=at, actor_id=printer.pk, scope=scope_of(issue),
            reference={"paper": paper, **more},
        )  # fmt: skip


def _name(picture: Path) -> str:
    """A stored picture's name as Typst wants it: with the ending that says what it is."""
    return f"{picture.name}.jpg"


def _typeset(template: str, data: dict[str, object], pictures: Sequence[Path]) -> bytes:
    """A PDF of this template, in a folder of its own that holds nothing but what is printed."""
    with tempfile.TemporaryDirectory(prefix="lingxiu-paper-") as name:
        folder = Path(name)
        shutil.copy(HERE / f"{template}.typ", folder)
        (folder / f"{template}.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        for picture in pictures:
            shutil.copy(picture, folder / _name(picture))
        drawn: Any = typst.compile(
            input=str(folder / f"{template}.typ"), root=name, format="pdf",
            font_paths=[str(chinese_font().parent)], ignore_system_fonts=True,
        )  # fmt: skip
    return bytes(drawn)
