"""Contests for one issue: two people do at the same instant what only one of them can. For tests and for `benchmarks/walks.py`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

from django.db import connection, transaction

from lingxiu.accounts.models import Unit, User
from lingxiu.issues.lifecycle import Move, MoveRefused, replay
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import step_of
from lingxiu.issues.writing import SomebodyWasFaster
from lingxiu.journal.models import Entry
from tests.cast import Cast, person
from tests.issues.world import LATER, complain, do, find


def together(*deeds: Callable[[], object]) -> list[object]:
    """Do all of these at the same moment, each on a connection of its own. Returns results and errors, in order."""
    start = Barrier(len(deeds))

    def one(deed: Callable[[], object]) -> object:
        try:
            start.wait(timeout=10)
            return deed()
        except Exception as error:  # the error is the answer that is looked at
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(one, deeds))


def meanwhile(first: Callable[[], object], then: Callable[[], object]) -> object:
    """Do `then` on another connection while what `first` did is not committed yet: it has a second to go through, or waits.
    Returns its result or error."""
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            first()
            coming = other.submit(together, then)
            wait([coming], timeout=1)
        return coming.result()[0]


@dataclass(frozen=True)
class Rivals:
    """The cast, and a second one of those who could act in another's place; a picture that may be shown."""

    cast: Cast
    dispatcher: User
    county_officer: User
    market_officers: tuple[User, User]
    ecology_officer: User
    picture: str

    @classmethod
    def among(cls, cast: Cast, picture: str) -> Rivals:
        market = (
            person("market", "department_officer", cast.market),
            person("market2", "department_officer", cast.market),
        )
        return cls(
            cast,
            person("dispatcher-too", "town_dispatcher", cast.town),
            person("county-too", "county_officer", cast.county_office),
            market,
            person("ecology-too", "department_officer", cast.ecology),
            picture,
        )


@dataclass(frozen=True)
class Contest:
    """An issue and two moves of it of which only one can be made, because both saw the same version."""

    issue: Issue
    deeds: tuple[Callable[[], object], Callable[[], object]]


def _between(issue: Issue, *both: tuple[Move, User, dict[str, object]]) -> Contest:
    issue.refresh_from_db()
    one, other = (
        lambda what=what, actor=actor, brought=brought: do(issue, what, actor, seen=issue.version, **brought)
        for what, actor, brought in both
    )
    return Contest(issue, (one, other))


def _with_the_grid(rivals: Rivals) -> Issue:
    issue = complain(rivals.cast.merchant).issue
    do(issue, Move.DISPATCH, rivals.cast.dispatcher, unit=rivals.cast.grid)
    return issue


def _joint(rivals: Rivals) -> Issue:
    """With the department of ecology, market supervision works along."""
    cast = rivals.cast
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(rivals.picture,))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    return issue


def close(rivals: Rivals) -> Contest:
    """The town and the county close it."""
    issue = _with_the_grid(rivals)
    do(issue, Move.ACCEPT, rivals.cast.grid_member)
    do(issue, Move.FEED_BACK, rivals.cast.grid_member, result="fixed", words="好了", photos=(rivals.picture,))
    return _between(
        issue,
        (Move.CLOSE, rivals.cast.dispatcher, {"answer": "镇里答复"}),
        (Move.CLOSE, rivals.cast.county_officer, {"answer": "县里答复"}),
    )


def transfer(rivals: Rivals) -> Contest:
    """Who has it and who gave it both give it to the town's team."""
    team: Unit = rivals.cast.town_team
    return _between(
        _with_the_grid(rivals),
        (Move.TRANSFER, rivals.cast.grid_member, {"unit": team, "words": "网格转"}),
        (Move.TRANSFER, rivals.cast.dispatcher, {"unit": team, "words": "镇里转"}),
    )


def join(rivals: Rivals) -> Contest:
    """Two dispatchers join it to different issues."""
    one, other, third = (complain(rivals.cast.merchant).issue for _ in range(3))
    return _between(
        one,
        (Move.JOIN, rivals.cast.dispatcher, {"into": other.number}),
        (Move.JOIN, rivals.dispatcher, {"into": third.number}),
    )


def contribute(rivals: Rivals) -> Contest:
    """Of two officers of one department, one says its part is done and the other objects to it."""
    one, other = rivals.market_officers
    return _between(
        _joint(rivals),
        (Move.CONTRIBUTE, one, {"words": "已核查"}),
        (Move.OBJECT, other, {"words": "不属于本局"}),
    )


def settle(rivals: Rivals) -> Contest:
    """Two officers of the county settle the same objection, one this way, one the other."""
    issue = _joint(rivals)
    do(issue, Move.OBJECT, rivals.market_officers[0], words="不属于本局")
    do(issue, Move.REPLY, rivals.cast.department_officer, words="属于贵局")
    return _between(
        issue,
        (Move.SETTLE, rivals.cast.county_officer, {"words": "照办", "upheld": True}),
        (Move.SETTLE, rivals.county_officer, {"words": "免了", "upheld": False}),
    )


def reply(rivals: Rivals) -> Contest:
    """Two officers of the department that leads reply to the same objection."""
    issue = _joint(rivals)
    do(issue, Move.OBJECT, rivals.market_officers[0], words="不属于本局")
    return _between(
        issue,
        (Move.REPLY, rivals.cast.department_officer, {"words": "属于贵局"}),
        (Move.REPLY, rivals.ecology_officer, {"words": "可以不来"}),
    )


def late_reply(rivals: Rivals) -> Contest:
    """When the time for it is over, the lead replies while the county settles without."""
    issue, late = _joint(rivals), LATER + timedelta(days=5)
    do(issue, Move.OBJECT, rivals.market_officers[0], words="不属于本局")
    return _between(
        issue,
        (Move.REPLY, rivals.cast.department_officer, {"words": "属于贵局", "at": late}),
        (Move.SETTLE, rivals.cast.county_officer, {"words": "免了", "upheld": False, "at": late}),
    )


def hand_back(rivals: Rivals) -> Contest:
    """Two officers of the department that leads send the same part back: it opens once."""
    issue = _joint(rivals)
    do(issue, Move.CONTRIBUTE, rivals.market_officers[0], words="已核查")
    market = (rivals.cast.market,)
    return _between(
        issue,
        (Move.HAND_BACK, rivals.cast.department_officer, {"words": "缺照片", "units": market}),
        (Move.HAND_BACK, rivals.ecology_officer, {"words": "缺笔录", "units": market}),
    )


def set_due(rivals: Rivals) -> Contest:
    """The county sets a part another day while its unit says that it is done."""
    day = (LATER + timedelta(days=4)).date()
    return _between(
        _joint(rivals),
        (Move.SET_DUE, rivals.cast.county_officer, {"words": "提前", "units": (rivals.cast.market,), "part_due": day}),
        (Move.CONTRIBUTE, rivals.market_officers[0], {"words": "已核查"}),
    )


def more_time(rivals: Rivals) -> Contest:
    """One dispatcher grants the time that was asked for, the other refuses it."""
    issue = _with_the_grid(rivals)
    do(issue, Move.EXTEND, rivals.cast.grid_member, words="等配件", days=2)
    return _between(
        issue, (Move.GRANT, rivals.cast.dispatcher, {}), (Move.REFUSE, rivals.dispatcher, {"words": "不行"})
    )


CONTESTS: dict[str, Callable[[Rivals], Contest]] = {
    "close": close,
    "transfer": transfer,
    "join": join,
    "contribute": contribute,
    "settle": settle,
    "reply": reply,
    "late reply": late_reply,
    "send a part back": hand_back,
    "a part's day": set_due,
    "more time": more_time,
}


def hold(contest: Contest) -> tuple[int, str]:
    """Let both go at once; say what is wrong afterwards, if anything is.

    Returns: who won (0 or 1), how the other was told (`SomebodyWasFaster`, `MoveRefused`).
    Raises: AssertionError.
    """
    issue, seen = contest.issue, contest.issue.version
    outcomes = together(*contest.deeds)
    lost = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(lost) == 1, outcomes
    assert isinstance(lost[0], SomebodyWasFaster | MoveRefused), outcomes
    issue.refresh_from_db()
    rows = list(issue.moves.order_by("version"))
    assert [row.version for row in rows] == list(range(seen + 2)), "one version more, and none doubled or missing"
    assert issue.version == seen + 1
    entries = Entry.objects.filter(subject_kind="issue", subject_id=issue.number, reference__version=issue.version)
    assert entries.count() == 1
    told = replay(step_of(row) for row in rows)
    assert (told.state, told.level, told.holder) == (
        issue.state,
        issue.level,
        (issue.lead_unit_id, issue.lead_person_id),
    )
    assert issue.assignments.filter(part="lead", ended_at=None).count() == int(issue.is_open)
    parts = list(issue.assignments.filter(part="cooperating", ended_at=None).values_list("unit_id", flat=True))
    assert len(parts) == len(set(parts))
    if issue.joined_into_id is not None:
        assert issue.joined_into is not None
        assert (issue.reports.count(), issue.joined_into.reports.count()) == (0, 2)
        assert Issue.objects.filter(pk__gt=issue.pk, moves__data__joined=issue.number).count() == 1
    return outcomes.index(next(one for one in outcomes if one is not lost[0])), type(lost[0]).__name__
