"""The list under many hands at once: races for one issue, random walks of many, a worker that stood still for a day.

    python -m benchmarks.walks races --times 1000
    python -m benchmarks.walks walks --walks 100000 --actors 4 --seconds 900
    python -m benchmarks.walks standstill --deadlines 5000

Each on a throw-away database with real transactions. It ends with an error, and says what is wrong, if anything is.
What is raced for, walked and looked at afterwards is in tests/issues/{races,walking,standstill}.py, with which the tests do the
same in small.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingxiu.database import temporary_cluster

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from tests.issues.walking import Clock, Walked

REPOSITORY = Path(__file__).resolve().parents[1]
QUICK = ["--times", "5", "--walks", "80", "--seconds", "15", "--deadlines", "200"]
MERCHANTS = 40
A_BATCH = 96  # walks between two looks at everything
A_LOOK_OF_THE_PLANNER = 10  # batches
A_LIST = 24  # batches: most of what is walked stays open, and every clock of it is followed for ever after
SHOWN = 20
A_SELDOM_LOOK = 50_000  # objects between two looks for cycles: a move makes thousands and leaves none
SAY_S = 300


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench walks`: all three, one after the other."""
    found: dict[str, Any] = {}
    for what in ("races", "walks", "standstill"):
        found |= _on_a_database_of_its_own([what, *(QUICK if quick else [])])
    return found


def _on_a_database_of_its_own(arguments: list[str]) -> dict[str, Any]:
    """Django is set up once a process, for one database. Prints the figures as they come."""
    with temporary_cluster() as url, tempfile.TemporaryDirectory(prefix="lingxiu-walks-") as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.walks", *arguments, "--inside"],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "LINGXIU_HOME": home,
                "DJANGO_SETTINGS_MODULE": "lingxiu.config.settings",
                "LINGXIU_LOG_LEVEL": "ERROR",
            },
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for name, value in found.items():
        print(f"{name:<32} {value}")
    return found


# ── inside: Django is set up ─────────────────────────────────────────────────────────────────────────────────────


def races(times: int, only: list[str]) -> dict[str, Any]:
    """Every contest (or only these) so many times; and how long that takes, made ready and looked at."""
    from tests.issues.races import CONTESTS, Rivals, hold

    rivals = Rivals.among(_make_county(), _picture())
    found: dict[str, Any] = {}
    for name, contest in CONTESTS.items():
        if only and name not in only:
            continue
        begun, firsts, told = time.perf_counter(), Counter[int](), Counter[str]()
        for _ in range(times):
            first, how = hold(contest(rivals))
            firsts[first] += 1
            told[how] += 1
        found[f"race: {name}"] = {
            "times": times,
            "first_won": firsts[0],
            "second_won": firsts[1],
            "told": dict(told),
            "seconds": round(time.perf_counter() - begun, 1),
        }
        _say(f"{name}: {found[f'race: {name}']}")
    return found


def walks(wanted: int, actors: int, seconds: float, steps: int, seed: str) -> dict[str, Any]:
    """Batches of issues, each walked by all actors at once, each a process of its own; between them everything is looked at.

    After `A_LIST` batches the list as a whole is looked at, and begun anew.
    """
    from django.db import connections
    from tests.cast import NOON
    from tests.issues.races import Rivals
    from tests.issues.walking import Walked, disorder_of_all, shortened_by_reopening

    cast = _make_county()
    picture = _picture()
    Rivals.among(cast, picture)
    _more_merchants()
    connections.close_all()
    everything, walked, shortened, batches = Walked(), 0, 0, 0
    begun = said = time.perf_counter()
    with ProcessPoolExecutor(actors, mp_context=get_context("spawn"), initializer=_ready) as pool:
        while walked < wanted and time.perf_counter() - begun < seconds:
            at = NOON + batches * timedelta(hours=3)
            seeds = [f"{seed}{batches}.{actor}" for actor in range(actors)]
            made = list(pool.map(_make, [(seed, picture, A_BATCH // actors, at) for seed in seeds]))
            numbers = sorted(
                {number for some in made for number in some}
            )  # alarms may have joined one another's issues
            batch = Walked()
            for one in pool.map(_walk, [(seed, picture, numbers, steps, at, batches % 8 == 7) for seed in seeds]):
                batch.add(one)
            parts = [
                (numbers[n::actors], {k: batch.clocks.get(k, []) for k in numbers[n::actors]}) for n in range(actors)
            ]
            batch.broken += [what for some in pool.map(_disorder, parts) for what in some]
            shortened += shortened_by_reopening(batch.clocks)
            batch.clocks.clear()
            walked, batches = walked + len(numbers), batches + 1
            if batches % A_LIST == 0:
                batch.broken += disorder_of_all()
                _begin_the_list_anew()
            if batches % A_LIST % A_LOOK_OF_THE_PLANNER == 1:
                _tell_the_planner()
            if batch.broken or batches % 20 == 1 or time.perf_counter() - said > SAY_S:
                said = time.perf_counter()
                moves = sum(everything.moves.values()) + sum(batch.moves.values())
                _say(f"{walked} walks, {moves} moves, {time.perf_counter() - begun:.0f} s")
                for what in batch.broken[:SHOWN]:
                    _say(f"  {what}")
            everything.add(batch)
        took = time.perf_counter() - begun
    everything.broken += disorder_of_all()
    for what in everything.broken[:SHOWN]:
        _say(f"wrong: {what}")
    moves = sum(everything.moves.values())
    return {
        "walks": walked,
        "actors": actors,
        "moves": moves,
        "seconds": round(took),
        "moves_per_s": round(moves / took, 1),
        "clocks_followed": everything.clocks_followed,
        "moves_of_each_kind": dict(everything.moves.most_common()),
        "told": dict(everything.told.most_common()),
        "due_earlier_after_reopening": shortened,
        "wrong": len(everything.broken),
    }


_together: list[Barrier] = []
"""Of a process that begins when the others do: what they wait for each other at."""


def _ready(barrier: Barrier | None = None) -> None:
    import django

    django.setup()
    gc.freeze()
    gc.set_threshold(A_SELDOM_LOOK)
    if barrier is not None:
        _together.append(barrier)


def _make(asked: tuple[str, str, int, datetime]) -> list[str]:
    from tests.issues.walking import Walker

    seed, picture, count, at = asked
    return Walker(f"{seed} makes", picture).make(count, at)


def _walk(asked: tuple[str, str, list[str], int, datetime, bool]) -> Walked:
    from tests.issues.walking import Walker

    seed, picture, numbers, steps, at, clocks = asked
    walker = Walker(seed, picture)
    walker.walk(numbers, steps, at)
    return walker.look_after_clocks(at + timedelta(days=2)) if clocks else walker.walked


def _tell_the_planner() -> None:
    """What a server does by itself; a throw-away one does not, and would join tables of thousands as if they were empty."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.close()


def _begin_the_list_anew() -> None:
    from django.db import connection

    from lingxiu.merchants.models import Standing

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE issues_issue CASCADE")
    Standing.objects.update(open_issues=0)
    connection.close()


def _disorder(asked: tuple[list[str], dict[str, list[Clock]]]) -> list[str]:
    from tests.issues.walking import disorder

    return disorder(*asked)


def standstill(deadlines: int) -> dict[str, Any]:
    """A day of deadlines followed up by one worker; the next by two at the same moment, each a process."""
    from django.db import connections
    from tests.cast import NOON
    from tests.issues import standstill as day

    from lingxiu.issues.overdue import follow_up

    cast = _make_county()
    found: dict[str, Any] = {"deadlines": deadlines}
    units = {"grid": cast.grid, "town": cast.town, "ecology": cast.ecology, "merchant": cast.merchant}
    for workers, down in ((1, NOON), (2, NOON + timedelta(days=1))):
        up = down + timedelta(days=1)
        follow_up(down)
        made = day.make(deadlines, down, first=workers * 40_000, **units)
        follow_up(down + timedelta(microseconds=1))
        before = day.ought(made, down, up)
        connections.close_all()
        context = get_context("spawn")
        barrier = context.Barrier(workers)
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_ready, initargs=(barrier,)) as pool:
            done = list(pool.map(_follow_up, [up] * workers))
        followed, took = [count for count, _ in done], max(seconds for _, seconds in done)
        wrong = day.disorder(made, before, up)
        found[f"{workers} at once"] = {
            "followed": followed,
            "ought": len(before),
            "seconds": round(took, 1),
            "wrong": wrong,
        }
        _say(str(found[f"{workers} at once"]))
    found["wrong"] = sum(len(found[f"{workers} at once"]["wrong"]) for workers in (1, 2))
    return found


def _follow_up(at: datetime) -> tuple[int, float]:
    """How many were followed, in how many seconds, begun when all are ready."""
    from lingxiu.issues.overdue import follow_up
    from lingxiu.policy.queries import in_force

    in_force()
    if _together:
        _together[0].wait()
    begun = time.perf_counter()
    return follow_up(at), time.perf_counter() - begun


def _make_county() -> Any:
    """The cast of the tests, in a database of its own."""
    from django.core.management import call_command
    from tests.cast import make_cast

    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import SHIPPED

    call_command("migrate", verbosity=0)
    load(SHIPPED, at=datetime(2026, 1, 1, tzinfo=UTC))
    return make_cast()


def _picture() -> str:
    from tests.issues.world import photo

    return photo()


def _more_merchants() -> None:
    from tests.cast import make_merchant

    from lingxiu.territory.models import Area

    grids = list(Area.objects.filter(kind="grid").order_by("code"))
    for n in range(MERCHANTS):
        make_merchant(f"店{n}", grids[n % 2], 120.91 + n / 1000, 30.85)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """The figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["races", "walks", "standstill"])
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--only", action="append", default=[], help="a contest's name; all of them without")
    parser.add_argument("--walks", type=int, default=100_000)
    parser.add_argument("--actors", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2, help="moves each actor tries on an issue, on average")
    parser.add_argument("--seed", default="", help="other walks than those without")
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--deadlines", type=int, default=5000)
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    if not asked.inside:
        found = _on_a_database_of_its_own(sys.argv[1:])
        print(json.dumps(found, ensure_ascii=False))
        if found.get("wrong"):
            sys.exit(f"{found['wrong']} things are wrong")
        return
    _ready()
    found = {
        "races": lambda: races(asked.times, asked.only),
        "walks": lambda: walks(asked.walks, asked.actors, asked.seconds, asked.steps, asked.seed),
        "standstill": lambda: standstill(asked.deadlines),
    }[asked.what]()
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
