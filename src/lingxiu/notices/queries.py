"""What a person was told and has not read; what could not be sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet
from django.urls import reverse

from lingxiu.accounts.models import User
from lingxiu.notices.models import Delivery, Notice, ReporterText, Untold, WayChoice
from lingxiu.privacy.masks import mask_phone

PAGE = 30


def unread(user: User) -> int:
    """How many notices this person has not read."""
    return Notice.objects.visible_to(user).filter(read_at=None).count()


def page_of(user: User, *, only_unread: bool, before: int | None = None) -> tuple[Sequence[Notice], int | None]:
    """A page of somebody's notices, newest first. Returns: they, and after which the next page begins, if there is one."""
    rows = Notice.objects.visible_to(user).order_by("-id")
    if only_unread:
        rows = rows.filter(read_at=None)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def in_trouble() -> QuerySet[Delivery]:
    """What could not be sent: given up, or to be tried again."""
    rows = Delivery.objects.select_related("notice", "person").exclude(error="")
    return rows.filter(state__in=[Delivery.State.FAILED, Delivery.State.WAITING, Delivery.State.SENDING]).order_by(
        "state", "-next_at", "-pk"
    )


def texts_in_trouble() -> QuerySet[ReporterText]:
    """Texts to reporters that could not be sent: given up, or to be tried again."""
    rows = ReporterText.objects.select_related("report__issue").exclude(error="")
    return rows.exclude(state__in=[ReporterText.State.SENT, ReporterText.State.NEEDLESS]).order_by(
        "state", "-next_at", "-pk"
    )


@dataclass(frozen=True, slots=True)
class Stuck:
    """What could not be sent. `receiver`: a person's name, or a reporter's number with its middle left out; `about`: what is
    told of; `again`: where it is let go once more."""

    receiver: str
    way: str
    about: str
    state: str
    state_word: str
    tries: int
    error: str
    next_at: datetime
    again: str


def stuck(most: int) -> list[Stuck]:
    """What could not be sent to our own people and to reporters: what was given up first, then the latest."""
    rows = [_of_delivery(row) for row in in_trouble()[:most]] + [_of_text(row) for row in texts_in_trouble()[:most]]
    latest = sorted(rows, key=lambda row: row.next_at, reverse=True)
    return sorted(latest, key=lambda row: row.state)[:most]


def how_many_stuck() -> int:
    """How many messages could not be sent."""
    return in_trouble().count() + texts_in_trouble().count()


def _of_delivery(row: Delivery) -> Stuck:
    return Stuck(
        row.person.name, row.get_way_display(), row.notice.subject_id, row.state, row.get_state_display(), row.tries,
        row.error, row.next_at, reverse("notices:send_again", args=[row.pk]),
    )  # fmt: skip


def _of_text(row: ReporterText) -> Stuck:
    about = f"{row.report.issue.number} {row.get_about_display()}"
    return Stuck(
        mask_phone(row.report.reporter_phone), str(WayChoice.SMS.label), about, row.state, row.get_state_display(),
        row.tries, row.error, row.next_at, reverse("notices:send_text_again", args=[row.pk]),
    )  # fmt: skip


def counts() -> dict[str, int]:
    """Deliveries and texts to reporters by state."""
    found: dict[str, int] = {}
    for model in (Delivery, ReporterText):
        for state, count in model.objects.values_list("state").annotate(Count("id")).order_by():
            found[state] = found.get(state, 0) + count
    return found


def untold() -> QuerySet[Untold]:
    """Entries of the journal that could not be told, newest first."""
    return Untold.objects.order_by("-at", "-pk")
