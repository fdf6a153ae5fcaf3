"""Pages of routing for the county's office: the rules in force and what each took, changed rules tried on what came in, proposed,
and put into force by a second person. Thin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from pydantic import ValidationError

from lingxiu.accounts.models import User
from lingxiu.issues import routing_words as say
from lingxiu.issues.dry_run import Difference, DryRun, Way, dry_run
from lingxiu.issues.models import Issue
from lingxiu.issues.routing_text import CATALOGUE, read_rules, text_in_force
from lingxiu.issues.views import officer
from lingxiu.merchants.views.asking import Refused, write_once
from lingxiu.policy import actions
from lingxiu.policy.comparing import compare
from lingxiu.policy.models import Draft, Edition
from lingxiu.policy.queries import InForce, edition, in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.routing import Routing
from lingxiu.policy.texts import LONGEST_TEXT, TextRefused
from lingxiu.territory.queries import town_names

LASTS = (100, 1_000, 10_000)
MOST_DIFFERENCES = 200
MOST_WAYS = 30
MOST_DRAFTS = 20
MOST_ISSUES = 100
LONGEST_WHY = 200
HOME = "/issues/routing/"


# ── who may ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _at_office(user: User, verb: str) -> bool:
    return any(post.unit_kind == "county_office" for post in user.authority.posts_that_may(verb))


def may_propose(user: User) -> bool:
    """Who may load policy, and the dispatchers of the county's office."""
    return user.authority.may("policy.load") or _at_office(user, "issues.dispatch")


def may_decide(user: User) -> bool:
    """Who may load policy, and the leaders of the county's office; never about what they proposed themselves."""
    return user.authority.may("policy.load") or _at_office(user, "issues.supervise")


def sees_rules(user: User) -> bool:
    """Who has a part in the rules, and so has them to read."""
    return may_propose(user) or may_decide(user)


def _reader(request: HttpRequest) -> User:
    """Who asks. Raises: Http404, PermissionDenied."""
    user = officer(request)
    if not sees_rules(user):
        raise PermissionDenied
    return user


def _proposer(request: HttpRequest) -> User:
    user = _reader(request)
    if not may_propose(user):
        raise PermissionDenied
    return user


# ── the rules in force ───────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def rules(request: HttpRequest) -> HttpResponse:
    """`/issues/routing/`: the rules in force in their order, what each took of the last issues, what waits, a text to change."""
    user, last = _reader(request), _last(request.GET)
    return _rules(request, user, last, text_in_force(in_force()))


def _rules(request: HttpRequest, user: User, last: int, text: str, **more: Any) -> HttpResponse:
    policy = in_force()
    taken = _taken(last)
    known = {rule.id for rule in policy.catalogues.routing}
    context = {
        "rules": [(said, taken.get(said.id, 0)) for said in _said(policy.catalogues.routing, policy)],
        "former": sorted((rule, count) for rule, count in taken.items() if rule not in known),
        "counted": sum(taken.values()),
        "last": last, "lasts": LASTS, "edition": Edition.objects.defer("body").get(pk=policy.id),
        "text": text, "most": LONGEST_TEXT, "drafts": _drafts(),
        "may_propose": may_propose(user),
        **more,
    }  # fmt: skip
    return render(request, "issues/routing.html", context, status=422 if more else 200)


def _said(rules: tuple[Routing, ...], policy: InForce) -> list[say.Said]:
    speaker, today = say.Speaker(policy.catalogues, town_names()), timezone.localdate()
    return [speaker.rule(rule, rule.holds(today)) for rule in rules]


def _taken(last: int) -> Counter[str]:
    """How many of the last issues each rule took."""
    return Counter(Issue.objects.order_by("-reported_at", "-id").values_list("routing_rule", flat=True)[:last])


def _last(query: Mapping[str, str]) -> int:
    """How many issues are asked for; the middle one where it is none of ours."""
    asked = query.get("last", "")
    return int(asked) if asked in {str(one) for one in LASTS} else LASTS[1]


@require_safe
def of_rule(request: HttpRequest, rule_id: str) -> HttpResponse:
    """`/issues/routing/rules/<rule>/`: which of the last issues this rule took; each page of them says why."""
    user, last = _reader(request), _last(request.GET)
    newest = Issue.objects.order_by("-reported_at", "-id").values("pk")[:last]
    took = Issue.objects.filter(pk__in=newest, routing_rule=rule_id)
    seen = took.visible_to(user).select_related("merchant").defer("routing_why").order_by("-reported_at", "-id")
    label = _labels(in_force()).get(rule_id)
    if label is None and not took.exists():
        raise Http404
    context = {
        "rule": rule_id, "label": label, "last": last, "count": took.count(), "rows": seen[:MOST_ISSUES],
    }  # fmt: skip
    return render(request, "issues/routing_rule.html", context)


@require_safe
def text(request: HttpRequest) -> HttpResponse:
    """`/issues/routing/routing.yaml`: the rules in force as a file."""
    _reader(request)
    response = HttpResponse(text_in_force(in_force()), content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="routing.yaml"'
    return response


# ── changed rules, tried ─────────────────────────────────────────────────────────────────────────────────────────


@require_POST
def attempt(request: HttpRequest) -> HttpResponse:
    """`/issues/routing/try/`: what a changed text would have done with the last issues. Nothing is written."""
    user, last = _proposer(request), _last(request.POST)
    written = _written(request)
    try:
        changed = read_rules(written, in_force().catalogues, town_names())
    except TextRefused as refused:
        return _refused(request, user, last, written, refused)
    return _shown(request, user, last, written, changed)


def _written(request: HttpRequest) -> str:
    """The file, if one was sent, else what stands in the field."""
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile) and file.size:
        sent: bytes = file.read(4 * LONGEST_TEXT + 1)
        return sent.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    return request.POST.get("text", "").replace("\r\n", "\n")


def _refused(request: HttpRequest, user: User, last: int, written: str, refused: TextRefused) -> HttpResponse:
    mistakes = [(one, say.mistake(one)) for one in refused.mistakes]
    return _rules(request, user, last, written[:LONGEST_TEXT], mistakes=mistakes)


def _shown(
    request: HttpRequest, user: User, last: int, written: str, changed: tuple[Routing, ...], wrong: str = ""
) -> HttpResponse:
    context = {
        "text": written, "wrong": wrong, "why": request.POST.get("why", "")[:LONGEST_WHY],
        "lines": _lines(in_force().catalogues.routing, changed), **_outcome(changed, last),
    }  # fmt: skip
    return render(request, "issues/routing_tried.html", context, status=422 if wrong else 200)


def _outcome(changed: tuple[Routing, ...], last: int) -> dict[str, object]:
    """What a dry run found, for both pages that show it."""
    done, policy = dry_run(changed, last), in_force()
    name = say.tried_by({**_labels(policy), **{rule.id: rule.label for rule in changed}})
    ways = Counter((one.was, one.would_be) for one in done.differences)
    return {
        "done": done, "last": last, "lasts": LASTS, "shares": _shares(done),
        "ways": [(_Shown("", *pair, name), count) for pair, count in ways.most_common(MOST_WAYS)],
        "ways_more": max(0, len(ways) - MOST_WAYS),
        "differences": [_Shown.of(one, name) for one in _first(done)],
        "more": max(0, len(done.differences) - MOST_DIFFERENCES),
        "rules": [(said, done.took.get(said.id, 0), done.by_rule.get(said.id, 0)) for said in _said(changed, policy)],
    }  # fmt: skip


def _first(done: DryRun) -> list[Difference]:
    """Those that go elsewhere before those that only another rule takes."""
    return sorted(done.differences, key=lambda one: not one.elsewhere)[:MOST_DIFFERENCES]


def _shares(done: DryRun) -> tuple[str, str]:
    """What went and what would have gone quickly: the first with its unit, as words beside the second."""
    return f"{100 * done.was_quick_share:.1f} %", f"{100 * done.quick_share:.1f}"


class _Shown:
    """A difference in words: where it went and where it would have gone, each with its rule."""

    def __init__(self, number: str, was: Way, would_be: Way, name: Callable[[str], str]) -> None:
        self.number, self.was, self.would_be = number, say.way(was), say.way(would_be)
        self.was_rule, self.would_be_rule = name(was.rule), name(would_be.rule)

    @classmethod
    def of(cls, one: Difference, name: Callable[[str], str]) -> _Shown:
        return cls(one.number, one.was, one.would_be, name)


def _labels(policy: InForce) -> dict[str, Label]:
    return {rule.id: rule.label for rule in policy.catalogues.routing}


def _lines(before: tuple[Routing, ...], after: tuple[Routing, ...]) -> list[str]:
    """What differs between two sets of rules, a line each."""
    older, newer = ([rule.model_dump(mode="json") for rule in rules] for rules in (before, after))
    return list(compare(older, newer))


# ── proposed, and put into force by a second person ──────────────────────────────────────────────────────────────


@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    """`/issues/routing/propose/`: write a text down as a draft, with the reason. Nothing is in force by it."""
    user, last = _proposer(request), _last(request.POST)
    written, why = _written(request), " ".join(request.POST.get("why", "").split())[:LONGEST_WHY]
    try:
        changed = read_rules(written, in_force().catalogues, town_names())
    except TextRefused as refused:
        return _refused(request, user, last, written, refused)
    if not why:
        wrong = _("Write a few words: the next one who reads it must understand why.")
        return _shown(request, user, last, written, changed, wrong)

    def do(at: datetime) -> dict[str, object]:
        return {"draft": actions.propose(CATALOGUE, written, why=why, by=user.pk, at=at).pk}

    try:
        done = write_once(request, user, do)
    except actions.NothingNew:
        return _shown(
            request, user, last, written, changed, _("These are the rules in force: there is nothing to propose.")
        )
    return redirect(f"{HOME}drafts/{done['draft']}/" if done else HOME)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A draft with the people behind it."""

    draft: Draft
    proposed_by: User | None
    decided_by: User | None

    @property
    def state(self) -> str:
        if self.draft.decided_at is None:
            return "waiting"
        return "in_force" if self.draft.edition_id else "refused"


def _drafts() -> list[Waiting]:
    rows = list(Draft.objects.filter(catalogue=CATALOGUE).defer("text")[:MOST_DRAFTS])
    people = User.objects.in_bulk({pk for row in rows for pk in (row.proposed_by, row.decided_by) if pk})
    return [_waiting(row, people) for row in rows]


def _waiting(row: Draft, people: Mapping[int, User]) -> Waiting:
    return Waiting(row, people.get(row.proposed_by), people.get(row.decided_by or 0))


@require_safe
def draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    """`/issues/routing/drafts/<draft_id>/`: what is proposed, why, what it would have done; and the decision."""
    user, last = _reader(request), _last(request.GET)
    row = get_object_or_404(Draft.objects.select_related("base"), pk=draft_id, catalogue=CATALOGUE)
    people = User.objects.in_bulk({pk for pk in (row.proposed_by, row.decided_by) if pk})
    before = edition(row.base_id).catalogues.routing
    try:
        changed = read_rules(row.text, in_force().catalogues, town_names())
    except TextRefused:  # the other catalogues have changed since
        changed = ()
    waits = row.decided_at is None
    context = {
        "one": _waiting(row, people),
        "lines": _lines(before, changed) if changed else [],
        "outdated": waits and (not changed or in_force().catalogues.routing != before),
        "own": row.proposed_by == user.pk,
        "may_approve": waits and may_decide(user) and row.proposed_by != user.pk,
        "may_refuse": waits and (may_decide(user) or row.proposed_by == user.pk),
        **(_outcome(changed, last) if waits and changed else {}),
    }
    return render(request, "issues/routing_draft.html", context)


@require_POST
def decide(request: HttpRequest, draft_id: int) -> HttpResponse:
    """`/issues/routing/drafts/<draft_id>/decide/`: put it into force (never one's own), refuse it, or take one's own back."""
    user = _reader(request)
    row = get_object_or_404(Draft.objects.defer("text"), pk=draft_id, catalogue=CATALOGUE)
    what, why = request.POST.get("do", ""), " ".join(request.POST.get("why", "").split())[:LONGEST_WHY]
    if not (may_decide(user) or (what == "refuse" and row.proposed_by == user.pk)):
        raise PermissionDenied
    if what != "approve" and not (what == "refuse" and why):
        messages.error(request, _("Write a few words: the next one who reads it must understand why."))
        return redirect(f"{HOME}drafts/{draft_id}/")
    write_once(request, user, lambda at: _decide(request, row.pk, what, why, user, at))
    return redirect(f"{HOME}drafts/{draft_id}/")


def _decide(request: HttpRequest, draft_id: int, what: str, why: str, user: User, at: datetime) -> dict[str, object]:
    """Raises: Refused."""
    try:
        if what == "approve":
            made = actions.approve(draft_id, by=user.pk, at=at)
            messages.success(
                request, _("In force from now on, for what comes in. What is under way stays where it is.")
            )
            return {"edition": made.pk}
        actions.refuse(draft_id, why=why, by=user.pk, at=at)
    except actions.OwnDraft:
        messages.error(request, _("Whoever proposed it may not approve it: a second person does."))
        raise Refused from None
    except actions.NotWaiting:
        messages.error(request, _("Somebody decided about it in the meantime."))
        raise Refused from None
    except (actions.Outdated, ValidationError):
        messages.error(
            request,
            _("Other rules have come into force since it was written: try it again on those, and propose it anew."),
        )
        raise Refused from None
    return {}
