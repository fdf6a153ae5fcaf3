"""Orders of the 12345 centre, row by row: new, known already, changed, named twice, or refused with field, value and mend.

One bad row never blocks the others; the same list again adds nothing, and what an order says otherwise is taken over and told.
`lingxiu import complaints` and the page call this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from lingxiu.accounts.models import User
from lingxiu.china.calendar import END_OF_DAY
from lingxiu.china.identifiers import normalise
from lingxiu.china.pinyin import fold
from lingxiu.exchange.hotline import sheet
from lingxiu.exchange.hotline.sheet import COLUMNS, VIOLATIONS, FileRefused, Table
from lingxiu.exchange.problems import Fault
from lingxiu.exchange.receiving import PHONE, UNKNOWN, Taken, Wrong, known_by, offered, receive_again
from lingxiu.issues import elsewhere, queries
from lingxiu.issues.actions.reports import Said
from lingxiu.issues.brought_again import Changed
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, MoveRow, Report, Source, StateChoice
from lingxiu.merchants.models import Merchant, MerchantQuerySet, Status
from lingxiu.merchants.words import listed
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import town_names

__all__ = ["FileRefused", "Outcome", "Result", "Row", "answers_sheet", "import_orders", "result_sheet"]

CHUNK = 100
Advance = Callable[[int, int], None]
WHEN = re.compile(r"(\d{4})\D{1,3}(\d{1,2})\D{1,3}(\d{1,2})(?:\D{1,3}(\d{1,2})\D(\d{1,2}))?(?!\d)")
MOST_ANSWERS = 20_000
MOST_ALIKE = 3


class Outcome(StrEnum):
    """What became of a row."""

    NEW = "new"
    CHANGED = "changed"
    KNOWN = "known"
    TWICE = "twice"
    REFUSED = "refused"


OUTCOMES: dict[Outcome, str | Promise] = {
    Outcome.NEW: gettext_lazy("taken in"),
    Outcome.CHANGED: gettext_lazy("changed, taken over"),
    Outcome.KNOWN: gettext_lazy("known already"),
    Outcome.TWICE: gettext_lazy("named twice"),
    Outcome.REFUSED: gettext_lazy("refused"),
}
LABELS: dict[str, str | Promise] = {
    "own_number": gettext_lazy("order's number"),
    "seen_at": gettext_lazy("when"),
    "words": gettext_lazy("what was said"),
    "place": gettext_lazy("place"),
    "town": gettext_lazy("town"),
    "shop": gettext_lazy("shop"),
    "name": gettext_lazy("caller"),
    "phone": gettext_lazy("phone"),
    "violation": gettext_lazy("what it is about"),
    "merchant": gettext_lazy("shop"),
    "location": gettext_lazy("position"),
}
"""Fields, as the report of a list calls them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row and what became of it. `notes`: what else should be known, such as shops it may mean."""

    number: int
    own_number: str
    outcome: Outcome
    fault: Fault | None = None
    notes: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return str(OUTCOMES[self.outcome])

    @property
    def told(self) -> list[str]:
        """Field, value and mend of what is wrong; then the notes."""
        if self.fault is None:
            return list(self.notes)
        label, said = LABELS.get(self.fault.field, self.fault.field), self.fault.value
        named = f"{label} “{said}”" if said else str(label)
        return [f"{named}: {self.fault.mend}", *self.notes]

    def line(self) -> str:
        """As the command line prints it."""
        where = _("row %d") % self.number
        told = "; ".join(self.told)
        return f"{where}: {self.word} {self.own_number} — {told}" if told else f"{where}: {self.word} {self.own_number}"


@dataclass(slots=True)
class Result:
    """What became of a list."""

    table: Table
    dry_run: bool
    rows: list[Row] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Row]:
        return [row for row in self.rows if row.outcome == outcome]

    @property
    def refused(self) -> list[Row]:
        return self.of(Outcome.REFUSED)

    @property
    def changed(self) -> list[Row]:
        return self.of(Outcome.CHANGED)

    @property
    def noted(self) -> list[Row]:
        """Rows that are neither refused nor changed, of which something is said."""
        return [row for row in self.rows if row.outcome not in (Outcome.REFUSED, Outcome.CHANGED) and row.told]

    @property
    def summary(self) -> list[tuple[str, int]]:
        """How many of each, in words."""
        return [(str(word), len(self.of(outcome))) for outcome, word in OUTCOMES.items()]

    def lines(self) -> list[str]:
        """Every row of a dry run, else those of which something is said; the columns nobody read; the sums."""
        lines = [row.line() for row in self.rows if self.dry_run or row.told]
        if self.table.unused:
            lines.append(_("Columns not used: %s") % listed(self.table.unused))
        lines.append(" · ".join(f"{word} {count}" for word, count in self.summary))
        if self.dry_run:
            lines.append(_("Nothing was written: this was a dry run."))
        return lines


def import_orders(
    table: Table, *, dry_run: bool, at: datetime, by: User | None = None, advance: Advance | None = None
) -> Result:
    """Take a list in. A dry run does everything and takes it back, so that its report is what would happen."""
    result, taker, rows = Result(table, dry_run), _Taker(table, at, by), iter(table.rows)
    while chunk := list(islice(rows, CHUNK)):
        with transaction.atomic():
            result.rows += [taker.take(number, cells) for number, cells in chunk]
            transaction.set_rollback(dry_run)
        if advance is not None:
            advance(len(result.rows), len(table.rows))
    return result


class _Taker:
    """Takes rows in, one after the other, and remembers which numbers the list has named already (`named`: the row of each), and
    which row opened which issue (`opened`)."""

    def __init__(self, table: Table, at: datetime, by: User | None) -> None:
        self.table, self.at, self.by = table, at, by
        self.named: dict[str, int] = {}
        self.opened: dict[int, int] = {}
        self.towns = town_names()
        self.violations = _ids_of_labels(at)
        language = get_language() or "zh-hans"
        self.labels = {row.id: row.label.text(language) for row in in_force().catalogues.violations}
        own = by.authority.towns if by is not None else frozenset()
        self.own_town = next(iter(own)) if len(own) == 1 else ""

    def take(self, number: int, cells: list[str]) -> Row:
        """One row. What it writes is taken back if it is refused half-way."""
        values = self.table.values(cells)
        own_number = values.get("own_number", "")
        if own_number and (first := self.named.setdefault(own_number, number)) != number:
            return Row(number, own_number, Outcome.TWICE, notes=(_("the same number as row %d") % first,))
        notes: list[str] = []
        try:
            said = self._said(values, notes)
            known = known_by(said.source, own_number)
            if known is not None and not self._may_read(known):
                return Row(
                    number, own_number, Outcome.KNOWN, notes=(_("not yours to read: nothing of it was changed"),)
                )
            alike = [] if known else self._alike(said)
            with transaction.atomic():
                taken = receive_again(said, at=self.at, by=self.by)
        except Wrong as wrong:
            fault = Fault(wrong.field, wrong.value, wrong.mend)
            return Row(number, own_number, Outcome.REFUSED, fault)
        if taken.is_new:
            self.opened[taken.report.issue_id] = number
            return Row(number, own_number, Outcome.NEW, notes=(*notes, *alike))
        return _of_known(number, own_number, taken)

    def _may_read(self, known: Report) -> bool:
        """Whether the order is one this person may read: others they may not change."""
        return self.by is None or Report.objects.filter(_readable(self.by), pk=known.pk).exists()

    def _alike(self, said: Said) -> list[str]:
        """What is open already and may be the same: under its very number, at its shop, or at its place."""
        if held := elsewhere.holder_of("hotline", said.own_number):
            return [_("issue %(number)s goes by this number already") % {"number": held}]
        town = said.merchant.town if said.merchant else said.town
        shop = said.merchant.pk if said.merchant else None
        about = queries.About(said.violation, shop, town, said.place, self.at)
        return [self._perhaps(issue) for issue in queries.alike(about, self.by, MOST_ALIKE)]

    def _perhaps(self, issue: Issue) -> str:
        where = issue.merchant.name if issue.merchant else issue.place
        what = f"{self.labels.get(issue.violation, issue.violation)}, {where}" if where else issue.violation
        if row := self.opened.get(issue.pk):
            return _("perhaps the same as row %(row)d of this list: %(what)s") % {"row": row, "what": what}
        return _("perhaps the same as issue %(number)s: %(what)s") % {"number": issue.number, "what": what}

    def _said(self, values: dict[str, str], notes: list[str]) -> Said:
        """The row as a report. Raises Wrong."""
        if not values.get("own_number"):
            raise Wrong("own_number", "", gettext_lazy("It is needed: the order is answered by it."))
        town = self._town(values.get("town", ""), notes)
        merchant = self._shop(values, town, notes)
        place = values.get("place", "")
        if merchant is None and (shop := values.get("shop", "")):
            place = f"{shop} {place}".strip()
        words = "\n".join(values[name] for name in ("title", "words") if name in values)
        return Said(
            source="12345", violation=self._violation(values, words), words=words, seen_at=_when(values.get("seen_at", "")),
            merchant=merchant, place=place, town=town, name=values.get("name", ""), phone=_phone(values, notes),
            own_number=values["own_number"], due_at=_due_at(values.get("due_at", ""), notes), kind=self._kind(values),
        )  # fmt: skip

    def _kind(self, values: dict[str, str]) -> str:
        """Which kind of order the centre calls it, by its own column or the category's; empty if it names none."""
        for text in (values.get("kind", ""), values.get("category", "")):
            for kind in in_force().catalogues.deadlines.of_orders:
                if kind.enabled and any(word in text for word in kind.words):
                    return kind.id
        return ""

    def _town(self, said: str, notes: list[str]) -> str:
        """A town's code by its name, or by part of it; where none is named, the one this person works in."""
        if not said:
            return self.own_town
        found = [code for code, name in self.towns.items() if name in said or (len(said) > 1 and said in name)]
        if len(found) == 1:
            return found[0]
        notes.append(_("no one town is called “%s”") % said)
        return ""

    def _shop(self, values: dict[str, str], town: str, notes: list[str]) -> Merchant | None:
        """The one merchant of this licence number, or of exactly this name in the town. Others are only suggested."""
        seen = Merchant.objects.visible_to(self.by) if self.by is not None else Merchant.objects.all()
        if number := values.get("licence_no"):
            by_licence = seen.filter(licence_no__in={number, normalise(number)}).first()
            if by_licence is not None:
                return by_licence
            notes.append(_("no shop of the licence number “%s” is known") % number)
        name = values.get("shop")
        if not name:
            return None
        near = seen.exclude(status=Status.CLOSED)
        near = near.filter(town=town) if town else near
        called = list(near.filter(name=name)[:2])
        if len(called) == 1:
            return called[0]
        likely = _likely(near, name)
        told = (
            _("no one shop is called “%(name)s”; perhaps: %(likely)s") if likely else _("no shop is called “%(name)s”")
        )
        notes.append(told % {"name": name, "likely": listed(likely)})
        return None

    def _violation(self, values: dict[str, str], words: str) -> str:
        """What it is about: the category by our own label, else by words of the category, else by words of the complaint."""
        category = values.get("category", "").lower()
        if category in self.violations:
            return self.violations[category]
        for text in (category, words.lower()):
            for violation, signs in VIOLATIONS.items():
                if any(sign in text for sign in signs):
                    return violation
        return UNKNOWN


def _of_known(number: int, own_number: str, taken: Taken) -> Row:
    """The row of an order that was there: what of it is changed, and what differs and was left as it was."""
    changed = taken.changed
    notes = [*_told_of(changed)]
    if taken.differs:
        differs = listed([str(LABELS.get(field, field)) for field in taken.differs])
        notes.append(_("differs from what is kept: %(field)s") % {"field": differs})
    is_changed = (changed.due is not None or changed.words) and not changed.answered
    return Row(number, own_number, Outcome.CHANGED if is_changed else Outcome.KNOWN, notes=tuple(notes))


def _told_of(changed: Changed) -> Iterator[str]:
    if changed.answered:
        yield _("it says otherwise now, but was answered already: nothing of it was changed")
        return
    if changed.due is not None:
        before, now = map(_local, changed.due)
        told = (
            _("due EARLIER: %(now)s, was %(before)s") if changed.is_earlier else _("due later: %(now)s, was %(before)s")
        )
        yield told % {"now": now, "before": before}
    if changed.words:
        yield _("its words are others: the new ones stand beside the old")


def _ids_of_labels(at: datetime) -> dict[str, str]:
    return {name.lower(): row.id for row in offered(at) for name in (row.id, row.label.zh, row.label.en)}


def _likely(near: MerchantQuerySet, name: str) -> list[str]:
    """Up to three names that contain this one, or are contained in it."""
    key = fold(name)
    if not key:
        return []
    return list(near.filter(search__contains=key).order_by("name").values_list("name", flat=True)[:3])


def _when(said: str) -> datetime:
    """A time as lists write it, of the county. Raises Wrong."""
    found = WHEN.match(said)
    mend = gettext_lazy("Write day and time as 2026-03-05 22:40.")
    if found is None:
        raise Wrong("seen_at", said, mend)
    year, month, day, hour, minute = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=timezone.get_current_timezone())
    except ValueError as error:
        raise Wrong("seen_at", said, mend) from error


def _due_at(said: str, notes: list[str]) -> datetime | None:
    """By when the centre wants it answered: a day means its end. What cannot be read is told, and our own due time holds."""
    if not said:
        return None
    try:
        at = _when(said)
    except Wrong:
        notes.append(_("the due time “%s” cannot be read; ours holds") % said)
        return None
    says_when = WHEN.match(said)
    return at if says_when and says_when.group(4) else datetime.combine(at.date(), END_OF_DAY, at.tzinfo)


def _phone(values: dict[str, str], notes: list[str]) -> str:
    """The caller's number. The centre often hides part of it: then there is none, and the order is taken all the same."""
    said = values.get("phone", "")
    if said and not PHONE.fullmatch(said):
        notes.append(_("the phone is no whole number and was left out"))
        return ""
    return said


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def result_sheet(result: Result, by: User | None) -> bytes:
    """The list as it came, with our number, state, answer and, where a row was refused, what is wrong with it."""
    kept = {report.own_number: report for report in _orders(by, [row.own_number for row in result.rows])}
    with translation.override("zh-hans"):  # the centre's language, whoever downloads it
        told = _told_meanwhile(kept.values())
        written = {
            row.number: {**_columns(kept.get(row.own_number), told), "error": _error(row)} for row in result.rows
        }
    return sheet.with_columns(result.table, written)


def _error(row: Row) -> str:
    if row.outcome in (Outcome.REFUSED, Outcome.TWICE):
        return "\n".join([row.word, *row.told])
    return "\n".join(row.told)


def _orders(by: User | None, numbers: Iterable[str]) -> QuerySet[Report]:
    """The kept orders of these numbers, as far as this person may read them, or brought them themselves."""
    orders = Report.objects.filter(source=Source.HOTLINE, own_number__in=list(numbers)).select_related("issue")
    return orders if by is None else orders.filter(_readable(by))


def _readable(by: User) -> Q:
    return Q(pk__in=Report.objects.visible_to(by).values("pk")) | Q(recorded_by=by)


def _told_meanwhile(reports: Iterable[Report]) -> dict[int, str]:
    """What the callers were told last while work went on, by report: no answer yet."""
    rows = MoveRow.objects.filter(
        issue__in={report.issue_id for report in reports}, move=Move.ANSWER, data__interim=True
    )
    return {
        int(pk): said
        for data in rows.order_by("version").values_list("data", flat=True)
        for pk, said in data["answers"].items()
    }


def _columns(report: Report | None, told: Mapping[int, str]) -> dict[str, str]:
    """What stands in our columns of an order."""
    if report is None:
        return {}
    issue: Issue = report.issue
    return {
        "number": issue.number,
        "state": str(StateChoice(issue.state).label),
        "found_true": {True: _("yes"), False: _("no"), None: ""}[issue.found_true],
        "answer": report.answer,
        "progress": told.get(report.pk, ""),
        "answered_at": _local(report.answered_at),
        "due_here": _local(report.due_at),
    }


def _local(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else ""


ANSWERED = ("own_number", "seen_at", "category", "town", "place", "shop", "number", "state", "found_true", "answer",
            "progress", "answered_at", "due_here")  # fmt: skip
"""The columns of the answers, in order: nothing of who called, which the centre knows."""


def answers_sheet(by: User, since: datetime, until: datetime) -> bytes:
    """All orders reported in this time that this person may read, with their answers; at most MOST_ANSWERS, the oldest first."""
    orders = Report.objects.filter(source=Source.HOTLINE, reported_at__gte=since, reported_at__lt=until)
    orders = orders.filter(_readable(by)).exclude(own_number="").select_related("issue__merchant", "merchant")
    with translation.override("zh-hans"):
        rows = list(_answer_rows(list(orders.order_by("reported_at", "pk")[:MOST_ANSWERS])))
    return sheet.write([[COLUMNS[name][0] for name in ANSWERED]], rows)


def _answer_rows(orders: Sequence[Report]) -> Iterator[list[str]]:
    towns, told = town_names(), _told_meanwhile(orders)
    labels = {row.id: row.label.zh for row in in_force().catalogues.violations}
    for order in orders:
        shop = order.merchant or order.issue.merchant
        said = {
            **_columns(order, told),
            "own_number": order.own_number,
            "seen_at": _local(order.seen_at),
            "category": labels.get(order.issue.violation, order.issue.violation),
            "town": towns.get(order.issue.town, ""),
            "place": order.place or (shop.address if shop else ""),
            "shop": shop.name if shop else "",
        }
        yield [said.get(name, "") for name in ANSWERED]
