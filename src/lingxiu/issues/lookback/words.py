"""The figures as they are said: one board of labels, values and links, from which the page and the documents are made.

Every value that is a count carries the address of its list. Never counts anything itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.filters import AGES, NO_TOWN, REPEAT_DAYS, Filter
from lingxiu.issues.lookback.figures import MEASURES, Counts, Period, decline, ordered, shares
from lingxiu.issues.lookback.queries import WAY, Counted, narrowed
from lingxiu.issues.models import FlowChoice, LevelChoice, Source
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import town_names

Text = str | Promise
MOST_VALUES = 12
"""Of a dimension, the most frequent; the rest is in the list."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a table; `url`: the list behind it, where it is a count. `part`: of 100, drawn as a bar. `before`: the same of
    the period before, `before_url` the list of that."""

    text: str
    url: str = ""
    part: float | None = None
    before: str = ""
    before_url: str = ""

    @property
    def whole(self) -> str:
        """As a document has it: the period before in brackets."""
        return f"{self.text} ({self.before})" if self.before else self.text

    @property
    def is_number(self) -> bool:
        """Whether it stands with numbers, at the right: a count, a share, or the dash where there is none."""
        return self.text[:1].isdigit() or self.text == "–" or bool(self.before)


@dataclass(frozen=True, slots=True)
class Table:
    """A table in words; the first cell of a row names it."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""

    @property
    def heads(self) -> list[tuple[str, bool]]:
        """The columns, and whether numbers stand in them."""
        first = self.rows[0] if self.rows else []
        numbers = [cell.is_number for cell in first] or [False] * len(self.columns)
        return list(zip(self.columns, [False, *numbers[1:]], strict=True))

    @property
    def labelled(self) -> list[list[tuple[str, Cell]]]:
        """The rows with each cell's column, as a narrow page repeats it."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Stat:
    """A big number: `url` opens what it counts."""

    name: str
    label: str
    value: str
    unit: str
    note: str
    url: str
    icon: str


@dataclass(frozen=True, slots=True)
class Board:
    """All that is shown of a period within an area."""

    area: str
    period: str
    made: str
    summary: str
    stats: list[Stat]
    measures: Table
    way: Table
    dimensions: list[Table]
    ages: Table
    towns: Table | None
    repeats: Table
    synthetic: bool


MEASURE_WORDS: dict[str, tuple[Text, Text, str]] = {
    "quick": (
        _("Handled quickly"),
        _("closed in the quick flow at grid and town, of all closed in the time"),
        "circle-check",
    ),
    "handling": (
        _("Handling rate"),
        _("closed, of those that fell due in the time and were not dismissed"),
        "checklist",
    ),
    "in_time": (_("Closed in time"), _("by the issue's own clock, of all closed in the time"), "clock-check"),
    "found": (_("Found actively"), _("nobody had to report it, of all that came in"), "eye"),
    "reopened": (
        _("Share opened again"),
        _("opened again before they were closed, of all closed in the time"),
        "history",
    ),
    "answers": (
        _("Answered in time"),
        _("everybody who reported it was answered in time, of those closed that people reported"),
        "message-question",
    ),
}
WAY_WORDS: dict[str, Text] = {
    "reported": _("Received"),
    "way_dispatched": _("Sent on"),
    "way_handling": _("Taken up"),
    "way_recheck": _("Fed back"),
    "way_closed": _("Closed"),
    "dismissed": _("Dismissed"),
}
AGE_WORDS: dict[str, Text] = {
    "0-1": _("0–1 days"),
    "2-3": _("2–3 days"),
    "4-7": _("4–7 days"),
    "8-15": _("8–15 days"),
    "16-": _("more than 15 days"),
}
DIMENSION_WORDS: dict[str, Text] = {
    "level": _("By level"),
    "flow": _("By flow"),
    "source": _("By source"),
    "violation": _("By violation"),
}


def board(counted: Counted, area: str, now: datetime) -> Board:
    """The board of these counts, in the reader's language. `area`: what the area is called."""
    return Board(
        area=area,
        period=period_words(counted.period),
        made=f"{timezone.localtime(now):%Y-%m-%d %H:%M}",
        summary=_summary(counted),
        stats=_stats(counted),
        measures=_measures(counted),
        way=_way(counted),
        dimensions=[_dimension(counted, name) for name in DIMENSION_WORDS],
        ages=_ages(counted),
        towns=_towns(counted),
        repeats=_repeats(counted),
        synthetic=counted.synthetic,
    )


def period_words(period: Period) -> str:
    """The days of a period."""
    return str(period.since) if period.days == 1 else f"{period.since} – {period.until}"


def address(wanted: Filter) -> str:
    """Where a list stands."""
    return f"/issues/?{wanted.but()}"


def per_cent(value: float | None) -> str:
    """A share as it is written; a dash where there was nothing to share."""
    return "–" if value is None else f"{value:.1f}%"


# ── the figures ──────────────────────────────────────────────────────────────────────────────────────────────────


def _stats(counted: Counted) -> list[Stat]:
    values = shares(counted.counts)
    found = [
        Stat(
            one.name,
            str(MEASURE_WORDS[one.name][0]),
            "–" if values[one.name] is None else f"{values[one.name]:.1f}",
            "" if values[one.name] is None else "%",
            _part_of(counted.counts, one.part, one.whole),
            address(counted.lists.of(one.part)),
            MEASURE_WORDS[one.name][2],
        )
        for one in MEASURES
    ]
    complaints = Stat(
        "complaints",
        gettext("Complaints"),
        f"{counted.counts['complaints']:,}",
        "",
        decline_words(counted),
        address(counted.lists.of("complaints")),
        "phone",
    )
    stars = Stat(
        "stars",
        gettext("Stars of reporters"),
        stars_words(counted),
        "",
        gettext("%(n)s ratings") % {"n": counted.stars.ratings},
        address(counted.lists.of("rated")),
        "star",
    )
    return [*found, complaints, stars]


def _summary(counted: Counted) -> str:
    """The figures in two sentences, as a report begins."""
    values = shares(counted.counts)
    return gettext(
        "%(reported)s issues came in and %(closed)s were closed, %(quick)s of them quickly at grid and town; "
        "%(in_time)s were closed in time. People complained %(complaints)s times: %(decline)s. "
        "%(open)s are open now, %(late)s of them late."
    ) % {
        "reported": f"{counted.counts['reported']:,}",
        "closed": f"{counted.counts['closed']:,}",
        "quick": per_cent(values["quick"]),
        "in_time": per_cent(values["in_time"]),
        "complaints": f"{counted.counts['complaints']:,}",
        "decline": decline_words(counted),
        "open": f"{counted.counts['open']:,}",
        "late": f"{counted.counts['late']:,}",
    }


def _part_of(counts: Counts, part: str, whole: str) -> str:
    if not counts.get(whole):
        return gettext("not applicable: there was none")
    return gettext("%(part)s of %(whole)s") % {"part": f"{counts[part]:,}", "whole": f"{counts[whole]:,}"}


def stars_words(counted: Counted) -> str:
    """The mean of the stars."""
    return "–" if counted.stars.mean is None else f"{counted.stars.mean:.1f}"


def decline_words(counted: Counted) -> str:
    """How complaints changed on the year before, or why that cannot be said."""
    if not counted.has_year_before:
        return gettext("no year before to compare with")
    before = counted.counts["complaints_before"]
    change = decline(counted.counts["complaints"], before)
    if change is None:
        return gettext("there was none the year before")
    words = (
        gettext("%(share)s fewer than the year before")
        if change >= 0
        else gettext("%(share)s more than the year before")
    )
    return words % {"share": per_cent(abs(change))}


def _measures(counted: Counted) -> Table:
    """Each share with both of its counts, and how it is counted."""
    values = shares(counted.counts)
    rows = [
        [
            Cell(str(MEASURE_WORDS[one.name][0])),
            Cell(per_cent(values[one.name])),
            _count(counted, one.part),
            _count(counted, one.whole),
            Cell(str(MEASURE_WORDS[one.name][1])),
        ]
        for one in MEASURES
    ]
    before = _count(counted, "complaints_before") if counted.has_year_before else Cell("–")
    fewer = decline(counted.counts["complaints"], counted.counts["complaints_before"])
    rows.append(
        [
            Cell(gettext("Decline of complaints")),
            Cell(per_cent(fewer if counted.has_year_before else None)),
            _count(counted, "complaints"),
            before,
            Cell(gettext("what people reported, against the same days of the year before: %(what)s") % {
                "what": decline_words(counted)
            }),
        ]
    )  # fmt: skip
    columns = [gettext("Figure"), gettext("Value"), gettext("Counted"), gettext("Of"), gettext("How it is counted")]
    return Table("measures", gettext("The figures and what they count"), columns, rows)


def _count(counted: Counted, name: str) -> Cell:
    return Cell(f"{counted.counts[name]:,}", address(counted.lists.of(name)))


# ── the tables ───────────────────────────────────────────────────────────────────────────────────────────────────


def _way(counted: Counted) -> Table:
    whole = counted.counts["reported"]
    rows = [
        [
            Cell(str(WAY_WORDS[name])),
            Cell(f"{counted.counts[name]:,}", address(counted.lists.of(name)), _part(counted.counts[name], whole)),
        ]
        for name in WAY
    ]
    note = gettext("Of what came in in the time: how far it has got until now.")
    return Table("way", gettext("How far it got"), [gettext("Step"), gettext("Issues")], rows, note)


def _part(number: int, whole: int) -> float:
    return 100 * number / whole if whole else 0.0


def _dimension(counted: Counted, dimension: str) -> Table:
    words = value_words(dimension)
    found: Mapping[str, Counts] = counted.funnel[dimension]
    if dimension in ("level", "flow"):
        found = ordered(found, words)
    shown = list(found.items())[:MOST_VALUES]
    rows = [
        [
            Cell(words.get(value, value)),
            *(
                Cell(f"{counts.get(name, 0):,}", address(narrowed(counted.lists.of(name), **{dimension: value})))
                for name in WAY
            ),
        ]
        for value, counts in shown
    ]
    columns = [gettext("Which"), *(str(WAY_WORDS[name]) for name in WAY)]
    note = gettext("The %(n)s most frequent.") % {"n": MOST_VALUES} if len(found) > MOST_VALUES else ""
    return Table(dimension, str(DIMENSION_WORDS[dimension]), columns, rows, note)


def value_words(dimension: str) -> dict[str, str]:
    """The values of a dimension, in words."""
    if dimension == "violation":
        language = get_language() or "zh-hans"
        return {row.id: row.label.text(language) for row in in_force().catalogues.violations}
    choices: dict[str, Iterable[tuple[str, Text]]] = {
        "level": LevelChoice.choices,
        "flow": FlowChoice.choices,
        "source": Source.choices,
    }
    return {value: str(label) for value, label in choices[dimension]}


def _ages(counted: Counted) -> Table:
    whole = counted.counts["open"]
    rows = [
        [
            Cell(str(AGE_WORDS[age])),
            Cell(
                f"{counted.counts[f'age_{age}']:,}",
                address(counted.lists.of(f"age_{age}")),
                _part(counted.counts[f"age_{age}"], whole),
            ),
        ]
        for age in AGES
    ]
    rows += [
        [Cell(gettext("Open now")), _count(counted, "open")],
        [Cell(gettext("of these, late")), _count(counted, "late")],
    ]
    note = gettext("Since the day each was reported, as of now, whatever the period.")
    return Table(
        "ages", gettext("How long open ones have waited"), [gettext("Waiting for"), gettext("Issues")], rows, note
    )


TOWN_COUNTS = ("reported", "closed", "open", "late", "complaints")


def _towns(counted: Counted) -> Table | None:
    """Towns side by side, in the order of their codes; none for who sees one. Units may be compared, persons never."""
    if len(counted.by_town) < 2:
        return None
    names = {**town_names(), "": gettext("in no town")}
    rows = [
        [Cell(names.get(town, town)), *_town_cells(counted, town, counts)] for town, counts in counted.by_town.items()
    ]
    words = {
        "closed": gettext("Closed"),
        "open": gettext("Open now"),
        "late": gettext("late"),
        "complaints": gettext("Complaints"),
    }
    counts = [words.get(name) or str(WAY_WORDS[name]) for name in TOWN_COUNTS]
    columns = [gettext("Town"), *counts, *(str(MEASURE_WORDS[one.name][0]) for one in MEASURES)]
    return Table("towns", gettext("Towns side by side"), columns, rows)


def _town_cells(counted: Counted, town: str, counts: Counts) -> list[Cell]:
    """Counts open what they count, shares what their part counts."""

    def behind(name: str) -> str:
        return address(narrowed(counted.lists.of(name), town=town or NO_TOWN))

    values = shares(counts)
    plain = [Cell(f"{counts.get(name, 0):,}", behind(name)) for name in TOWN_COUNTS]
    return [*plain, *(Cell(per_cent(values[one.name]), behind(one.part)) for one in MEASURES)]


def _repeats(counted: Counted) -> Table:
    towns, violations = town_names(), value_words("violation")
    rows = [
        [
            Cell(repeat.merchant),
            Cell(towns.get(repeat.town, "")),
            Cell(violations.get(repeat.violation, repeat.violation)),
            Cell(f"{repeat.times:,}", address(repeat.behind)),
        ]
        for repeat in counted.repeats
    ]
    columns = [gettext("Merchant"), gettext("Town"), gettext("What"), gettext("Times")]
    note = gettext("The same violation of the same merchant more than twice in %(days)s days.") % {"days": REPEAT_DAYS}
    return Table("repeats", gettext("Repeat places"), columns, rows, note)
