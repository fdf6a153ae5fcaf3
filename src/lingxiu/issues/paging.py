"""One page of a list of issues, by cursor, and how many rows there are. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues.filters import Filter
from lingxiu.issues.matching import conditions_but_words, within
from lingxiu.issues.models import Issue, IssueQuerySet
from lingxiu.issues.word_search import searched

PAGE = 50
COUNTED = 10_000
"""Beyond this a count says «10,000+»: to count further costs more than anybody reads from it."""
SEARCHED = 2_000
"""Beyond this a search for words says «2,000+», and shows the newest: each that is counted has to be read."""


def listing(wanted: Filter, user: User, now: datetime, query: Mapping[str, str]) -> tuple[Page, Total]:
    """The page a cursor asks for, and how many rows there are in all.

    Words are looked for in an index first, and put in order here: left to choose, the database may read a million issues in
    order for the few that hold them. What thousands of issues hold is met soon by reading the newest ones.
    """
    seen = within(wanted.view, user).filter(conditions_but_words(wanted, now))
    if not wanted.q:
        shown = page(seen, wanted, query)
        return shown, total(seen, shown)
    words, asked = searched(wanted.q), _asked(wanted, query)
    found = seen.filter(words.found).order_by().values_list(asked.field, "pk")
    keys = list(found[: SEARCHED + 1])
    counted = Total(len(keys), SEARCHED)
    if len(keys) > SEARCHED:
        return page(seen.filter(words.read), wanted, query, PAGE), counted
    return _whole(_of_keys(keys, asked, PAGE), asked, PAGE), counted


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `after` and `before`: cursors of the next and the previous page, empty where there is none.
    `is_first`: no cursor asked for it, so that without a next page there are no other rows."""

    rows: list[Issue]
    after: str
    before: str
    is_first: bool = False


def page(issues: IssueQuerySet, wanted: Filter, query: Mapping[str, str], size: int = PAGE) -> Page:
    """The page a cursor (`after=`, `before=`) asks for, or the first one. A cursor that is none of ours gives the first.

    A page costs the same however far in it lies: its rows are found by the value the last page ended with. Which they are is
    asked first, of columns that stand in indexes; the whole rows, and whom they name, of those alone.
    """
    asked = _asked(wanted, query)
    return _whole(_of_rows(issues, asked, size), asked, size)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which page is asked for. `place`: of the row it begins or ends beside; `falls`: the list stands by what is last first."""

    field: str
    falls: bool
    place: tuple[datetime, int] | None
    backwards: bool

    @property
    def descends(self) -> bool:
        """Whether its rows are looked for from the last to the first."""
        return self.falls != self.backwards


def _asked(wanted: Filter, query: Mapping[str, str]) -> _Asked:
    before = _cursor(query.get("before", ""))
    after = _cursor(query.get("after", "")) if before is None else None
    field = "step_due_at" if wanted.by_due else "reported_at"
    return _Asked(field, not wanted.by_due, before or after, before is not None)


def _of_rows(issues: IssueQuerySet, asked: _Asked, size: int) -> list[int]:
    """The first of the page's rows, and one more if there is one."""
    if asked.place is not None:
        issues = issues.filter(_beyond(asked.field, asked.place, lower=asked.descends))
    sign = "-" if asked.descends else ""
    ordered = issues.order_by(f"{sign}{asked.field}", f"{sign}id")
    return list(ordered.values_list("pk", flat=True)[: size + 1])


def _of_keys(keys: list[tuple[datetime, int]], asked: _Asked, size: int) -> list[int]:
    """The same of all rows that there are: what they stand by, and their ids."""
    place = asked.place
    if place is not None:
        keys = [key for key in keys if (key < place if asked.descends else key > place)]
    return [pk for _at, pk in sorted(keys, reverse=asked.descends)[: size + 1]]


def _whole(ids: list[int], asked: _Asked, size: int) -> Page:
    """The rows of these ids, in their order, and what lies around them."""
    more, place = len(ids) > size, asked.place
    ids = ids[:size][::-1] if asked.backwards else ids[:size]
    if not ids:
        return Page([], "", "", place is None)
    found = (
        Issue.objects.filter(pk__in=ids)
        .select_related("merchant", "lead_unit", "lead_person")
        .defer("routing_why", "merchant__legal_person", "merchant__phone", "lead_person__phone", "merchant__search")
    )
    by_id = {row.pk: row for row in found}
    rows = [by_id[pk] for pk in ids if pk in by_id]
    has_after, has_before = (True, more) if asked.backwards else (more, place is not None)
    next_one = _mark(rows[-1], asked.field) if has_after else ""
    last_one = _mark(rows[0], asked.field) if has_before else ""
    return Page(rows, next_one, last_one, place is None)


def _beyond(field: str, place: tuple[datetime, int], *, lower: bool) -> Q:
    at, pk = place
    side = "lt" if lower else "gt"
    return Q(**{f"{field}__{side}e": at}) & (Q(**{f"{field}__{side}": at}) | Q(**{f"id__{side}": pk}))


def _mark(issue: Issue, field: str) -> str:
    at: datetime = getattr(issue, field)
    return f"{int(at.timestamp() * 1_000_000)}.{issue.pk}"


def _cursor(text: str) -> tuple[datetime, int] | None:
    micros, _, pk = text.partition(".")
    if not (
        micros.isascii() and micros.isdigit() and pk.isascii() and pk.isdigit() and len(micros) < 18 and len(pk) < 18
    ):
        return None
    return datetime.fromtimestamp(0, tz=timezone.get_current_timezone()) + timedelta(microseconds=int(micros)), int(pk)


@dataclass(frozen=True, slots=True)
class Total:
    """How many there are, counted up to `most`."""

    number: int
    most: int = COUNTED

    def __str__(self) -> str:
        return f"{self.most:,}+" if self.number > self.most else f"{self.number:,}"


def total(issues: IssueQuerySet, shown: Page | None = None) -> Total:
    """How many rows fit, in one query; in none where the page that is shown holds them all."""
    if shown is not None and shown.is_first and not shown.after:
        return Total(len(shown.rows))
    return Total(issues.order_by()[: COUNTED + 1].count())
