"""整改通知书: written by an officer, signed by him and by a second one, each himself; then it is the paper, made from the template.

Made only by certified officers of an enforcing body, for a finding, by a basis that may be printed for the day of the act, resting
on an inspection that has its code. Until both have signed there is a draft, which says so on every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from lingxiu.accounts.authority import HeldPost
from lingxiu.accounts.models import Post, Unit, User
from lingxiu.files.actions import store_document, use_file
from lingxiu.files.models import StoredFile
from lingxiu.issues import queries, signing, word_templates
from lingxiu.issues.evidence import violation_of
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspections import for_notice
from lingxiu.issues.lifecycle import By
from lingxiu.issues.models import Issue
from lingxiu.issues.papers import ON_PAPER, clock, day_of, in_built_up, tell, written_basis
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.relations import relations
from lingxiu.issues.word_templates import WORD, TemplateRefused
from lingxiu.journal.actions import record
from lingxiu.policy.rows import Basis
from lingxiu.policy.schema.violations import Violation

Text = str | Promise


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
    "late": gettext_lazy("The day by which it must be put right has come: write it anew with a later one."),
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
    violation, day = violation_of(issue), day_of(issue.act_at)
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
    return violation_of(issue).printable_basis(day_of(issue.act_at), in_built_up=in_built_up(issue))


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


def write(issue: Issue, officer: User, notice: Notice, *, at: datetime) -> Rectification:
    """整改通知书 as a draft, signed by who wrote it; the second officer is asked. Raises: NoticeRefused.

    A draft of this unit that still waits is taken back by that: there is one text to sign.
    """
    post = refuse_notice(issue, officer)
    if notice.second is None or notice.second not in second_officers(post, officer, at):
        raise NoticeRefused("second")
    if not notice.demands.strip():
        raise NoticeRefused("words")
    if notice.until is None or notice.until <= day_of(at):
        raise NoticeRefused("until")
    unit = Unit.objects.get(pk=post.unit_id)
    rests_on = for_notice(issue, unit.pk)
    assert rests_on is not None  # `refuse_notice`
    template = word_templates.for_notice(unit, violation_of(issue).responsible)
    with override(ON_PAPER):
        fields = _fields(issue, officer, notice, unit, rests_on, at)
    draft = _filled(template, {**fields, "today": ""}, _draft_mark(notice.second))
    with transaction.atomic():
        Issue.objects.select_for_update(no_key=True).get(
            pk=issue.pk
        )  # of two who write at once one comes after the other
        _take_back(issue, unit, officer, at)
        made = Rectification.objects.create(
            issue=issue, inspection=rests_on, unit=unit, officer=officer, second_officer=notice.second, until=notice.until,
            demands=notice.demands.strip(), template=_kept(template, at).sha256, fields=fields, made_at=at, made_by=officer,
        )  # fmt: skip
        made.draft = _keep(draft, made, at, officer.pk).sha256
        made.save(update_fields=["draft"])
        use_file(StoredFile.objects.get(sha256=made.template), "rectification", made.pk)
        people = signing.write_down(made, officer, at)
        record(
            "rectification.written", "rectification", made.pk, at=at, actor_id=officer.pk, scope=made.scope(),
            reference={"people": people, "issue": issue.number},
        )  # fmt: skip
    return made


def sign(rectification_id: int, *, by: User, seen: str, at: datetime) -> Rectification:
    """An officer signs the draft he was shown; with the second signature the paper is made, from the same template, of that day.

    Raises: SigningRefused, NoticeRefused, Rectification.DoesNotExist.
    """
    with transaction.atomic():
        made = signing.lock(Rectification, rectification_id)
        if signing.sign(made, by, seen, at):
            _make(made, by, at)
    return made


def _make(made: Rectification, by: User, at: datetime) -> None:
    """Raises: NoticeRefused, where it has been overtaken by time since it was written."""
    if made.until <= day_of(at):
        raise NoticeRefused("late")
    if not made.issue.is_open:
        raise NoticeRefused("ended")
    with override(ON_PAPER):
        fields = {**made.fields, "today": _written(day_of(at)), "officers": _signed(made)}
    template = StoredFile.objects.get(sha256=made.template).path.read_bytes()
    file = _keep(_filled(template, fields), made, at, by.pk)
    use_file(file, "issue", made.issue.number)
    made.file = file.sha256
    made.save(update_fields=["file"])
    tell(made.issue, "notice", by, at, file=file.sha256, notice=made.pk)


def _signed(made: Rectification) -> list[dict[str, str]]:
    """Both officers with when they signed."""
    signed = {one.officer_id: clock(one.at) for one in made.signatures.filter(version=made.version)}
    return [
        {**one, "signed": signed.get(pk, "")} for pk, one in zip(made.officer_ids, made.fields["officers"], strict=True)
    ]


def _take_back(issue: Issue, unit: Unit, officer: User, at: datetime) -> None:
    """Take back what waits: whoever is signing it at this moment comes first, or is told that it was withdrawn."""
    waiting = Rectification.objects.filter(issue=issue, unit=unit, signed_at=None, withdrawn_at=None)
    for one in waiting.select_for_update(of=("self",)).order_by("pk"):
        with override(ON_PAPER):
            one.withdrawn_at, one.withdrawn_why = at, _("written anew")
        one.save(update_fields=["withdrawn_at", "withdrawn_why"])
        people = [pk for pk in one.officer_ids if pk != officer.pk]
        record(
            "rectification.withdrawn", "rectification", one.pk, at=at, actor_id=officer.pk, scope=one.scope(),
            reference={"people": people},
        )  # fmt: skip


def _fields(
    issue: Issue, officer: User, notice: Notice, unit: Unit, rests_on: Inspection, at: datetime
) -> dict[str, Any]:
    """What a template may name (docs/papers.md), all but the day of the paper, which is that of the second signature."""
    violation = violation_of(issue)
    assert issue.merchant is not None and notice.second is not None and notice.until is not None
    people = (officer, notice.second)
    held = Post.objects.filter(Post.held_at(at), unit=unit, user__in=people).exclude(certificate_no="")
    certificates = dict(held.values_list("user_id", "certificate_no"))
    power = violation.power
    return {
        "number": issue.number,
        "unit": unit.name,
        "merchant": issue.merchant.name,
        "licence_no": issue.merchant.licence_no or "",
        "address": issue.merchant.address,
        "act_on": _written(day_of(issue.act_at)),
        "finding": violation.label.zh,
        "summary": issue.summary if issue.summary != violation.label.zh else "",
        "bases": [written_basis(one) for one in bases_for(issue)],
        "demands": [line.strip() for line in notice.demands.splitlines() if line.strip()],
        "until": _written(notice.until),
        "officers": [{"name": one.name, "certificate": certificates.get(one.pk, ""), "signed": ""} for one in people],
        "act_code": rests_on.act_code or "",
        "power_code": power.code if power else "",
        "power_name": power.name if power else "",
    }


def _written(day: date) -> str:
    return _("%(year)s-%(month)s-%(day)s") % {"year": day.year, "month": day.month, "day": day.day}


def _draft_mark(second: User) -> str:
    with override(ON_PAPER):
        return _("Draft, without effect: waits for the signature of %(name)s") % {"name": second.name}


def _filled(template: bytes, fields: Mapping[str, Any], draft: str = "") -> bytes:
    """Raises: NoticeRefused."""
    try:
        return word_templates.fill(template, fields, draft=draft)
    except TemplateRefused as error:
        raise NoticeRefused("template") from error


def _kept(template: bytes, at: datetime) -> StoredFile:
    """The template as it was used, whatever becomes of it where it lay."""
    return store_document(template, content_type=WORD, stored_at=at, stored_by=None)


def _keep(paper: bytes, made: Rectification, at: datetime, by: int) -> StoredFile:
    file = store_document(paper, content_type=WORD, stored_at=at, stored_by=by)
    use_file(file, "rectification", made.pk)
    return file


def notices_of(issue: Issue) -> list[StoredFile]:
    """The notices made on an issue, the newest first."""
    rows = StoredFile.objects.filter(uses__subject_kind="issue", uses__subject_id=issue.number, content_type=WORD)
    return list(rows.order_by("-stored_at"))


def drafts_of(issue: Issue) -> list[Rectification]:
    """What waits for a signature, the newest first."""
    waiting = issue.rectifications.filter(signed_at=None, withdrawn_at=None)
    return list(waiting.select_related("unit", "officer", "second_officer"))
