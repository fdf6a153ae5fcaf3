"""Pages of the dispatcher's desk: many issues at once, views kept under a name, a unit's own notes, the morning digest.

Thin: parse, authorise, call, render. What may be done with an issue, `actions` decides, row by row.
"""

from __future__ import annotations

import uuid

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import bulk, bulk_run, digest
from lingxiu.issues.bulk import MOST_ROWS, Ticked
from lingxiu.issues.desk_forms import BulkForm, PrivateNoteForm, ViewForm
from lingxiu.issues.filters import Filter
from lingxiu.issues.kept import PrivateNote, SavedView, units_of
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from lingxiu.issues.paging import total
from lingxiu.issues.views import MOST_VIEWS_SHOWN, officer, rows_of, submission_of
from lingxiu.journal.actions import Scope, SubmissionReused, record
from lingxiu.journal.queries import head
from lingxiu.ui import addresses

MOST_VIEWS = 50
LONGEST_QUERY = SavedView._meta.get_field("query").max_length or 0


def dispatcher(request: HttpRequest) -> User:
    """Who asks, if they dispatch. Raises Http404, PermissionDenied."""
    user = officer(request)
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    return user


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def many(request: HttpRequest) -> HttpResponse:
    """`/issues/bulk/`: the ticked issues (or, with `all=1`, what a filter shows), and one order for all of them."""
    user, now = dispatcher(request), timezone.now()
    ticked = Ticked.read(request.POST.getlist("row") or request.GET.getlist("row"))
    if request.method != "POST" and request.GET.get("all") == "1":
        ticked = _all_of(request, user)
    if not ticked:
        return redirect(addresses.issues())
    issues = list(
        Issue.objects.visible_to(user)
        .filter(number__in=[row.number for row in ticked])
        .select_related("merchant", "lead_unit", "lead_person")
        .order_by("number")
    )
    form = BulkForm(issues, request.POST or None)
    context = {"form": form, "ticked": ticked, "rows": rows_of(issues, now), "most": MOST_ROWS}
    if request.method != "POST":
        return render(request, "issues/bulk.html", context)
    if not form.is_valid():
        return render(request, "issues/bulk.html", context, status=422)
    submission = submission_of(request)
    try:
        bulk.carry_out(ticked, form.order(), actor=user, at=now, submission=submission)
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return render(request, "issues/bulk.html", context, status=409)
    return redirect(f"/issues/bulk/done/?of={submission}")


def _all_of(request: HttpRequest, user: User) -> list[Ticked]:
    """What the filter of this address shows, the first due first."""
    found = matching(Filter.read(request.GET), user, timezone.now()).open().order_by("step_due_at", "id")
    return [Ticked(number, version) for number, version in found.values_list("number", "version")[:MOST_ROWS]]


@require_safe
def many_done(request: HttpRequest) -> HttpResponse:
    """`/issues/bulk/done/?of=`: row by row what was done and what was refused, and why; and how many are still to be done.

    `part=rows` answers with the live part alone.
    """
    user = officer(request)
    try:
        submission = uuid.UUID(request.GET.get("of", ""))
    except ValueError:
        return redirect(addresses.issues())
    found = bulk_run.progress(submission, user.pk)
    if found is None:
        return redirect(addresses.issues())
    rows = sorted(found.outcomes, key=lambda one: one.done)
    done = sum(one.done for one in rows)
    part = request.GET.get("part") == "rows"
    context = {
        "outcomes": rows, "done": done, "refused": len(rows) - done, "left": found.asked - len(rows),
        "live": f"/issues/bulk/done/?of={submission}&part=rows", "pulse": "" if part else str(head()),
    }  # fmt: skip
    return render(request, "issues/bulk_rows.html" if part else "issues/bulk_done.html", context)


# ── saved views ──────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """`/issues/views/`: keep the filter of this address under a name; share, unshare or delete one's own."""
    user = officer(request)
    wanted = Filter.read(request.POST if request.method == "POST" else request.GET)
    form = ViewForm(request.POST if request.POST.get("do") == "save" else None)
    context = {"form": form, "wanted": wanted, "own_unit": _own_unit(user)}
    if request.method == "POST":
        if request.POST.get("do") in _CHANGES:
            _change(request, user)
            return redirect("/issues/views/")
        if form.is_valid() and _save(form, wanted, user):
            return redirect(f"{addresses.issues()}?{wanted.but()}")
    status = 422 if request.method == "POST" else 200
    shown = total(matching(wanted, user, timezone.now()))
    return render(request, "issues/views.html", {**context, "views": saved_views(user), "shown": shown}, status=status)


def saved_views(user: User) -> list[SavedView]:
    """The views a person opens from the list: their own, and their units'."""
    return list(SavedView.objects.visible_to(user).select_related("owner", "shared_with")[:MOST_VIEWS_SHOWN])


def _own_unit(user: User) -> Unit | None:
    return Unit.objects.filter(pk__in=units_of(user)).order_by("pk").first()


def _save(form: ViewForm, wanted: Filter, user: User) -> bool:
    """Keep it; the same name again is the same view, changed. False, with an error, where there are too many."""
    own = SavedView.objects.filter(owner=user)
    name = form.cleaned_data["name"].strip()
    if own.exclude(name=name).count() >= MOST_VIEWS:
        form.add_error("name", _("You keep %(n)s views already. Delete one first.") % {"n": MOST_VIEWS})
        return False
    if len(wanted.but()) > LONGEST_QUERY:
        form.add_error("name", _("That is too much to keep: search for fewer words."))
        return False
    values = {
        "query": wanted.but(),
        "shared_with": _own_unit(user) if form.cleaned_data["shared"] else None,
        "at": timezone.now(),
    }
    SavedView.objects.update_or_create(owner=user, name=name, defaults=values)
    return True


_CHANGES = frozenset({"delete", "share", "unshare"})


def _change(request: HttpRequest, user: User) -> None:
    """Share, unshare, or delete one's own view. Raises Http404."""
    chosen = request.POST.get("id", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) <= 18):
        raise Http404
    view = get_object_or_404(SavedView, pk=int(chosen), owner=user)
    match request.POST.get("do"):
        case "delete":
            view.delete()
        case "share":
            view.shared_with = _own_unit(user)
            view.save(update_fields=["shared_with"])
        case "unshare":
            view.shared_with = None
            view.save(update_fields=["shared_with"])


# ── a unit's own notes ───────────────────────────────────────────────────────────────────────────────────────────


@require_POST
def note(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/private/`: a note that the reader's unit alone reads."""
    user, now = officer(request), timezone.now()
    issue = get_object_or_404(Issue.objects.visible_to(user), number=number)
    form, unit = PrivateNoteForm(request.POST), _note_unit(user, issue)
    if unit is None or not form.is_valid():
        notes = private_notes(issue, user)
        context = {"issue": issue, "private_form": form, "private_notes": notes, "private_unit": unit}
        return render(request, "issues/private_page.html", context, status=422)
    words, submission = form.cleaned_data["words"].strip(), submission_of(request)
    if (known := PrivateNote.objects.filter(submission=submission).first()) and _is_another(known, words, user):
        # Sent from a page that was gone back to: it says something else, and is kept as well.
        submission = uuid.uuid5(submission, words)
    try:
        with transaction.atomic():
            row = PrivateNote.objects.create(
                issue=issue, unit=unit, author=user, words=words, at=now, submission=submission
            )  # fmt: skip
            record(
                "issue.privately_noted", "private_note", row.pk, at=now, actor_id=user.pk, scope=Scope(unit_id=unit.pk)
            )
    except IntegrityError:
        pass  # the same note, sent twice
    return redirect(f"{addresses.issue(number)}#private")


def _is_another(known: PrivateNote, words: str, user: User) -> bool:
    return (known.words, known.author_id) != (words, user.pk)


def private_notes(issue: Issue, user: User) -> list[PrivateNote]:
    """What this person's units have noted for themselves, the newest first."""
    return list(PrivateNote.objects.visible_to(user).filter(issue=issue).select_related("author", "unit")[:100])


def _note_unit(user: User, issue: Issue) -> Unit | None:
    """In whose name they note: the unit that has the issue if it is theirs, else their first."""
    own = units_of(user)
    return Unit.objects.filter(pk=issue.lead_unit_id if issue.lead_unit_id in own else min(own, default=0)).first()


# ── the morning ──────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def morning(request: HttpRequest) -> HttpResponse:
    """`/issues/digest/`: what happened since yesterday's end of work, and what today must not miss."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.dispatch") and not user.authority.may("issues.supervise"):
        raise PermissionDenied
    found = digest.figures(user, now)
    waiting = matching(Filter(waits="decision"), user, now).select_related("merchant", "lead_unit", "lead_person")
    decided = list(waiting.order_by("step_due_at", "id")[:20])
    asked = digest.decisions(decided)
    context = {
        "figures": found,
        "since": digest.last_end_of_work(now),
        "waiting": [
            {**row, "decision": asked[issue.pk]} for issue, row in zip(decided, rows_of(decided, now), strict=True)
        ],
        "now": now,
    }
    return render(request, "issues/digest.html", context)
