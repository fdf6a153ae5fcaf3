"""Many issues, walked by several people at once: each makes moves the page would offer them, at random.

For tests and for `benchmarks/walks.py`.

Each walker is a thread or a process with real transactions of its own, so that they get in each other's way; what they saw of the
clocks is kept, and looked at when all have stopped.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import queries, reporters
from lingxiu.issues.actions.moving import move
from lingxiu.issues.holding import handles_at, units_to_give
from lingxiu.issues.lifecycle import FOUND_TRUE, OPEN, By, Level, Mark, Move, MoveRefused, State, moves_from, replay
from lingxiu.issues.models import Issue, MoveRow, Report
from lingxiu.issues.overdue import follow_up, resume_rested
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.merchants.models import Merchant
from tests.issues.world import alarm, complain, do, filled, find

PEOPLE = (
    "dispatcher", "dispatcher-too", "dispatcher2", "county", "county-too", "leader", "grid", "grid2", "team", "ecology",
    "market", "market2", "owner",
)  # fmt: skip
REASONS = ("SHOP-CLOSED", "PART-ORDERED", "OTHER-BODY", "APPOINTMENT")
MATTERS = ("D-BIN", "D-HOOD", "P-SMOKE", "V-A2")
WINDOW = 6
"""So many issues several walkers have in their hands at a time."""

RARE = {
    Move.NOTE: 0.1, Move.ADD: 0.2, Move.ASK: 0.2, Move.ANSWER: 0.2, Move.AMEND: 0.3,
    Move.CORRECT: 0.2, Move.SUPERVISE: 0.2, Move.DISMISS: 0.3, Move.JOIN: 0.5,
    Move.RETURN: 0.3, Move.ESCALATE: 0.3, Move.SUSPEND: 0.3,
}  # fmt: skip

OF_A_REPORT = frozenset({Move.ASK, Move.ANSWER, Move.SPLIT})
PICTURED = frozenset({Move.HANDLE, Move.FEED_BACK})

Clock = tuple[int, datetime, datetime]
"""Version, clock_from, due_at: of the whole issue, as somebody read them."""


@dataclass
class Walked:
    """What came of it."""

    moves: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    clocks_followed: int = 0
    clocks: dict[str, list[Clock]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: Walked) -> None:
        self.moves += other.moves
        self.told += other.told
        self.broken += other.broken
        self.clocks_followed += other.clocks_followed
        for number, seen in other.clocks.items():
            self.clocks[number] += seen


class Walker:
    """Somebody who takes up one issue after the other and does what one of those whose turn it is might do."""

    def __init__(self, seed: str, picture: str) -> None:
        self.chance = random.Random(seed)
        self.picture = picture
        self.people = list(User.objects.filter(username__in=PEOPLE).order_by("pk"))
        self.merchants = list(Merchant.objects.order_by("pk"))
        self.units = list(Unit.objects.order_by("pk"))
        self.given: dict[tuple[Level, str], list[Unit]] = {}
        self.walked = Walked()

    def make(self, count: int, at: datetime) -> list[str]:
        """New issues from every source. Returns their numbers."""
        return [self._one(at).number for _ in range(count)]

    def _one(self, at: datetime) -> Issue:
        shop, by_username = self.chance.choice(self.merchants), {user.username: user for user in self.people}
        match self.chance.choice(["alarm", "find", "complaint", "complaint", "banned", "joint"]):
            case "alarm":
                return alarm(shop, self.chance.getrandbits(40), at=at)
            case "find":
                return find(by_username["team"], merchant=shop, at=at)
            case "banned":
                return find(by_username["team"], "V-A2", merchant=shop, at=at, photos=(self.picture,))
            case "joint":
                return self._joint(shop, by_username, at)
            case _:
                return complain(shop, at=at).issue

    def _joint(self, shop: Merchant, people: dict[str, User], at: datetime) -> Issue:
        """With a department, and others called in, of whom one has perhaps said something already."""
        issue = find(people["team"], "V-A2", merchant=shop, at=at, photos=(self.picture,))
        lead, market = (Unit.objects.get(posts__user=people[name]) for name in ("ecology", "market"))
        others = tuple(unit for unit in units_to_give(Level.COUNTY, issue.town) if unit != lead)
        do(issue, Move.INVOLVE, people["county"], at=at, units=others)
        do(issue, Move.DISPATCH, people["county"], at=at, unit=lead)
        if said := self.chance.choice([None, Move.CONTRIBUTE, Move.OBJECT]):
            assert market in others
            do(issue, said, people["market"], at=at, words="说明")
        return issue

    def walk(self, numbers: Sequence[str], steps: int, at: datetime) -> Walked:
        """Up to so many moves of each issue, a few issues at a time; then look after the clocks, as the worker does."""
        for first in range(0, len(numbers), WINDOW):
            window, now = numbers[first : first + WINDOW], at
            for _ in range(steps * len(window)):
                now += timedelta(minutes=self.chance.choice([0, 1, 7, 60, 600, 3000]) / len(window))
                self._step(self.chance.choice(window), window, now)
        return self.walked

    def look_after_clocks(self, at: datetime) -> Walked:
        """Rests end, and what is late is raised, while the others walk."""
        try:
            self.walked.clocks_followed += resume_rested(at) + follow_up(at)
        except Exception as error:
            self.walked.broken.append(f"worker: {type(error).__name__}: {error}")
        return self.walked

    def _step(self, number: str, window: Sequence[str], at: datetime) -> None:
        issue = Issue.objects.get(number=number)
        offered = self._offered(issue)
        if not offered:
            self.walked.broken.append(f"{number}: nobody may do anything with {issue.state} at {issue.level}")
            return
        user, what = self._chosen(offered)
        try:
            row = self._do(issue, user, what, window, at)
        except (SomebodyWasFaster, MoveRefused, reporters.TooManyAdditions) as refused:
            self.walked.told[f"{type(refused).__name__} {getattr(refused, 'why', '')}".strip()] += 1
            return
        except Exception as error:
            self.walked.broken.append(f"{number} {what}: {type(error).__name__}: {error}")
            return
        self.walked.moves[row.move] += 1
        clock = Issue.objects.values_list("version", "clock_from", "due_at").get(pk=issue.pk)
        self.walked.clocks[number].append(clock)

    def _offered(self, issue: Issue) -> list[tuple[User | None, Move]]:
        """What each might do now; None is the reporter."""
        now = queries.situation(issue)
        whose: list[tuple[User | None, frozenset[By]]] = [
            (user, relations(user.pk, user.authority, now.held)) for user in self.people
        ]
        whose.append((None, frozenset({By.REPORTER}) if Mark.REPORTED in now.marks else frozenset()))
        return [
            (user, what)
            for user, own in whose
            for what in moves_from(State(issue.state), Level(issue.level), own, now.marks)
        ]

    def _chosen(self, offered: list[tuple[User | None, Move]]) -> tuple[User | None, Move]:
        """Any move as likely as any other, however many may make it; but those that lead nowhere, or to the end, seldom."""
        kinds = sorted({what for _, what in offered})
        what = self.chance.choices(kinds, [RARE.get(kind, 1.0) for kind in kinds])[0]
        return self.chance.choice([one for one in offered if one[1] is what])

    def _do(self, issue: Issue, user: User | None, what: Move, window: Sequence[str], at: datetime) -> MoveRow:
        if user is not None:
            return move(
                issue.number,
                what,
                actor=user,
                at=at,
                brought=self._brought(issue, what, window, at),
                seen=issue.version,
            )
        report = issue.reports.order_by("pk").first()
        if report is None:
            raise MoveRefused(what, State(issue.state), "person")  # it was joined to another in the meantime
        verb = reporters.add if what is Move.ADD else reporters.reopen
        return verb(report, "还有话说", at=at)

    def _brought(self, issue: Issue, what: Move, window: Sequence[str], at: datetime) -> Brought:
        choice = self.chance.choice
        reports = list(issue.reports.values_list("pk", flat=True)) if what in OF_A_REPORT else []
        unit = choice(self._units_to_give(issue) or self.units)
        return Brought(
            words="说明",
            unit=unit,
            person=self._member(unit, None)
            if what is not Move.REASSIGN
            else self._member(issue.lead_unit, issue.lead_person),
            result=choice(list(FOUND_TRUE)) if what is Move.FEED_BACK else None,
            photos=(self.picture,) if what in PICTURED else (),
            answer="已处理",
            into=choice(window),
            units=tuple(self.chance.sample(self.units, 5)),
            report=choice(reports) if reports else None,
            until=(at + timedelta(days=choice([1, 3, 6]))).date(),
            reason=choice(REASONS),
            days=choice([1, 2, 3]),
            upheld=choice([True, False]),
            part_due=choice([None, (at + timedelta(days=choice([0, 1, 4, 9]))).date()]),
            case_number="立〔2026〕1号",
            interim=choice([True, False]),
            violation=choice(MATTERS) if what is Move.AMEND else "",
            merchant=choice([None, *self.merchants]) if what is Move.AMEND else None,
            told=filled(issue) if what is Move.FEED_BACK else {},
        )

    def _units_to_give(self, issue: Issue) -> list[Unit]:
        """Of the units that there are, which never change here."""
        asked = Level(issue.level), issue.town
        if asked not in self.given:
            self.given[asked] = list(units_to_give(*asked))
        return self.given[asked]

    def _member(self, unit: Unit | None, besides: User | None) -> User | None:
        """Somebody of the unit, or nobody in particular."""
        here = [user for user in self.people if user != besides and unit and handles_at(user, unit)]
        return self.chance.choice([None, *here])


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────


def disorder(numbers: Iterable[str], clocks: dict[str, list[Clock]]) -> list[str]:
    """What is wrong with these issues, now that nobody moves them; empty if nothing is."""
    found = []
    issues = Issue.objects.filter(number__in=list(numbers)).prefetch_related("moves", "assignments").order_by("pk")
    for issue in issues:
        found += [
            f"{issue.number}: {what}"
            for what in (*_of_issue(issue), *_of_clocks(clocks.get(issue.number, []), _reopened(issue)))
        ]
    return found


def _of_issue(issue: Issue) -> list[str]:
    rows = sorted(issue.moves.all(), key=lambda row: row.version)
    assignments = list(issue.assignments.all())
    leads = [row for row in assignments if row.part == "lead" and row.ended_at is None]
    parts = [row for row in assignments if row.part == "cooperating" and row.ended_at is None]
    is_open = State(issue.state) in OPEN
    ball = queries.ball(issue)
    told = replay(queries.step_of(row) for row in rows)
    holds = {
        "versions are not dense": [row.version for row in rows] == list(range(issue.version + 1)),
        "time ran backwards": all(one.at <= other.at for one, other in pairwise(rows)),
        "a move does not begin where the last one ended": all(
            (row.from_state, row.from_level) == (last.to_state, last.to_level) for last, row in pairwise(rows)
        ),
        "its moves tell another story": (told.state, told.level, told.version, told.holder, told.suspended)
        == (
            issue.state, issue.level, issue.version, (issue.lead_unit_id, issue.lead_person_id),
            issue.suspended_until is not None,
        ),
        "an open issue without a ball, or one that ended with one": (ball is not None) == is_open,
        "the ball is not where the issue says": ball is None
        or (ball.unit.pk, ball.person and ball.person.pk) == (issue.lead_unit_id, issue.lead_person_id),
        "not one open lead": len(leads) == int(is_open),
        "the lead's step is another": all(lead.step == issue.state for lead in leads),
        "it ended with parts open": is_open or not parts,
        "a unit has two open parts": len({row.unit_id for row in parts}) == len(parts),
        "its moves tell of other parts": {row.unit_id for row in parts} == open_by_moves(rows),
        "who leads has a part beside it": issue.lead_unit_id not in {row.unit_id for row in parts},
        "parts beside a quick flow": not parts or issue.flow == "joint",
        "closed without a result": issue.state != "closed" or issue.result in {*FOUND_TRUE, "case_filed"},
        "the step is due after the whole": issue.step_due_at <= issue.due_at,
    }  # fmt: skip
    return [what for what, so in holds.items() if not so]


def open_by_moves(rows: Iterable[MoveRow]) -> set[int]:
    """The units with an open part, told by the moves alone, in their order."""
    units: set[int] = set()
    for row in rows:
        match Move(row.move):
            case Move.INVOLVE | Move.HAND_BACK:
                units |= {*row.data["units"]}
            case Move.SETTLE:
                units |= {*row.data.get("given", ())}
            case Move.CONTRIBUTE | Move.OBJECT | Move.RELEASE:
                units -= {*row.data["units"]}
            case _ if State(row.to_state) not in OPEN:
                units = set()
            case _:
                units -= {row.to_unit_id or 0}
    return units


def _reopened(issue: Issue) -> list[int]:
    """The versions at which it was opened again: each begins a round, with a whole clock of its own."""
    return [row.version for row in issue.moves.all() if row.move == Move.REOPEN]


def _of_clocks(seen: list[Clock], reopened: list[int]) -> list[str]:
    """The whole clock: within a round only ever lengthened, and no round begins before the one before it."""
    found = []
    for (earlier, began, due), (version, began_later, due_later) in pairwise(sorted(set(seen))):
        same_round = not any(earlier < one <= version for one in reopened)
        if began_later < began or (same_round and began_later != began):
            found.append(f"version {version}: the clock began at {began}, then at {began_later}")
        if same_round and due_later < due:
            found.append(f"version {version}: due at {due}, then at {due_later}")
    return found


def shortened_by_reopening(clocks: dict[str, list[Clock]]) -> int:
    """How often an issue that was opened again is due before it had been: its clock is new, time granted before is gone."""
    return sum(one[2] > later[2] for seen in clocks.values() for one, later in pairwise(sorted(set(seen))))


def disorder_of_all() -> list[str]:
    """What is wrong between issues: reports that hang on what was joined, merchants whose open issues are miscounted."""
    lost = Report.objects.filter(issue__joined_into__isnull=False).values_list("pk", "issue__number")
    miscounted = [
        shop.name
        for shop in Merchant.objects.select_related("standing")
        if shop.standing.open_issues != Issue.objects.open().filter(merchant=shop).count()
    ]
    return [
        *(f"report {pk} stayed with {number}, which was joined to another" for pk, number in lost),
        *(f"{name}: open issues miscounted" for name in miscounted),
    ]
