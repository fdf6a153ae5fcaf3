"""How long it takes to rate every merchant: facts gathered, scored, kept with their explanation, and written into Standing.

Beside it, in the same run and on the same rows, one SQL statement in PostgreSQL that reads the same facts and does the same
arithmetic over sets (`rating.sql`); it keeps four numbers a merchant and explains nothing. It stands in for a columnar engine,
of which the project has none among its dependencies. The two must agree on every score and level, or the run fails.

    python benchmarks/rating.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingxiu.database import temporary_cluster

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._worlds import leave_texts_empty

if TYPE_CHECKING:
    from lingxiu.rating.queries import Asked

SIZES = {True: (2_780,), False: (2_780, 27_800)}
DAYS = {True: 3, False: 5}
LAST = date(2026, 3, 5)
STATEMENT = Path(__file__).with_suffix(".sql")
WORLD = Path(__file__).with_name("rating_world.sql")


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench rating`: merchants, seconds, engine_ratio; of a county's size, and ten times it when not quick."""
    measured = {}
    for merchants in SIZES[quick]:
        with temporary_cluster() as url, tempfile.TemporaryDirectory(prefix="lingxiu-bench-") as home:
            measured[merchants] = _in_its_own_process(url, home, merchants, DAYS[quick])
    print(
        f"{'merchants':>10} {'all s':>8} {'gather s':>9} {'score s':>8} {'one statement s':>16} {'ratio':>6} {'not rated':>10}"
    )
    for merchants, found in measured.items():
        print(
            f"{merchants:>10} {found['seconds']:>8.2f} {found['gather_s']:>9.2f} {found['score_s']:>8.3f} "
            f"{found['engine_s']:>16.3f} {found['engine_ratio']:>6.1f} {found['not_rated']:>10}"
        )
    county = measured[SIZES[quick][0]]
    return {**county, "by_merchants": {str(merchants): found for merchants, found in measured.items()}}


def _in_its_own_process(url: str, home: str, merchants: int, days: int) -> dict[str, Any]:
    """Django is set up once a process, for one database."""
    import subprocess

    done = subprocess.run(
        [sys.executable, __file__, "--inside", str(merchants), str(days)],
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
    return found


# ---- inside: Django is set up ----


def measure(merchants: int, days: int) -> dict[str, Any]:
    """Rate all merchants on `days` days in a row, each way; medians. The first day, on which everything is new, is not counted."""
    from lingxiu.merchants.models import Merchant
    from lingxiu.policy.queries import in_force
    from lingxiu.rating.actions import recompute
    from lingxiu.rating.models import FumeScore
    from lingxiu.rating.queries import Asked, gather
    from lingxiu.rating.scoring import rate, rules_on

    _make_world(merchants)
    policy = in_force()
    ids = list(Merchant.objects.order_by("pk").values_list("pk", flat=True))
    ours, engine, gathering, scoring = [], [], [], []
    for back in range(days, -1, -1):
        day = LAST - timedelta(days=back)
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        engine.append(_timed(lambda day=day, at=at: _rate_by_statement(Asked(day, ids, at, policy.catalogues))))
        rules = rules_on(day, policy.catalogues)
        begun = time.perf_counter()
        subjects = gather(day, ids, at=at, catalogues=policy.catalogues)
        gathering.append(time.perf_counter() - begun)
        scoring.append(
            _timed(lambda subjects=subjects, rules=rules: [rate(subject.facts, rules) for subject in subjects])
        )
        ours.append(_timed(lambda day=day, at=at: recompute(day, at)))
        _compare(day)
    return {
        "merchants": merchants,
        "seconds": round(statistics.median(ours[1:]), 3),
        "engine_ratio": round(statistics.median(ours[1:]) / statistics.median(engine[1:]), 2),
        "engine": "PostgreSQL, one statement",
        "engine_s": round(statistics.median(engine[1:]), 3),
        "gather_s": round(statistics.median(gathering[1:]), 3),
        "score_s": round(statistics.median(scoring[1:]), 3),
        "not_rated": FumeScore.objects.filter(day=LAST, level=None).count(),
        "days": days,
    }


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _make_world(merchants: int) -> None:
    """Merchants, 200 days of care, three months of monitors and issues; all of it follows from the merchants' numbers."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from lingxiu.merchants.models import Merchant, Standing
    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import SHIPPED
    from lingxiu.rating.queries import beginning

    at = datetime(2026, 1, 1, tzinfo=UTC)
    call_command("migrate", verbosity=0)
    load(SHIPPED, at=at)
    scales = ("large", "medium", "small")
    made = Merchant.objects.bulk_create(
        [
            Merchant(
                name=f"bench {number}",
                kind="restaurant",
                licence_kind="food_licence",
                address="-",
                lng=120.9,
                lat=30.8,
                scale=scales[number % 3],
                synthetic=True,
                created_at=at,
                updated_at=at,
            )
            for number in range(merchants)
        ],
        batch_size=2_000,
    )
    Standing.objects.bulk_create([Standing(merchant=one) for one in made], batch_size=5_000)
    with transaction.atomic(), connection.cursor() as cursor:
        leave_texts_empty(cursor, "sensing_device", "issues_issue", "issues_move", "issues_report")
        for statement in WORLD.read_text().split(";\n"):
            if statement.strip():
                cursor.execute(statement, {"last": beginning(LAST)})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _rate_by_statement(asked: Asked) -> None:
    """The same day by one statement, into a table of its own."""
    from django.db import connection

    from lingxiu.rating.queries import SQL

    parts = {path.stem: path.read_text() for path in SQL.glob("*.sql")}
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_score")
        cursor.execute(STATEMENT.read_text().format(**parts), {**asked.parameters, **_figures(asked)})


def _figures(asked: Asked) -> dict[str, Any]:
    """Policy's figures as parameters of the statement."""
    from lingxiu.policy.queries import in_force
    from lingxiu.rating.scoring import DIMENSIONS, rules_on

    index, rules = asked.index, rules_on(asked.day, in_force().catalogues)

    def weights(scheme_id: Any) -> list[float]:
        given = {dimension.id: dimension.weight for dimension in index.scheme(scheme_id).dimensions}
        return [given.get(dimension, 0.0) for dimension in DIMENSIONS]

    return {
        "hold_days": index.dark.hold_days,
        "least_measured": index.concentration.least_fan_minutes,
        "least_fan": index.linkage.least_fan_minutes,
        "high_none": index.concentration.no_points_at,
        "high_full": index.concentration.full_points_at,
        "linked_none": index.linkage.no_points_at,
        "linked_full": index.linkage.full_points_at,
        "cleaning_task": index.cleaning.task,
        "drains_task": index.drains.task,
        "waste_task": index.waste.task,
        "cleaning_late": index.cleaning.no_points_late_cycles,
        "drains_late": index.drains.no_points_late_cycles,
        "cleaning_finding": index.cleaning.per_finding,
        "drains_finding": index.drains.per_finding,
        "waste_finding": index.waste.per_finding,
        "trap_days": index.drains.cycle_days,
        "every_days": index.waste.every_days,
        "per_complaint": index.complaints.per_complaint,
        "per_repeat": index.complaints.per_repeat,
        "full_months": index.self_check.full_points_months,
        "per_month": index.self_check.per_month_late,
        "lowest_coverage": index.lowest_coverage,
        "level_1_from": index.level_1_from,
        "level_2_from": index.level_2_from,
        "weights_with": weights("with_device"),
        "weights_without": weights("without_device"),
        "scales": list(rules.cycles),
        "cycles": list(rules.cycles.values()),
    }


def _compare(day: date) -> None:
    """Both ways gave the same: scores but for rounding in the last digit, and then levels too."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE abs(coalesce(ours.score, -1) - coalesce(theirs.score, -1)) > 0.11),"
            " count(*) FILTER (WHERE ours.level IS DISTINCT FROM theirs.level AND ours.score = theirs.score), count(*)"
            " FROM rating_fumescore AS ours JOIN bench_score AS theirs USING (merchant_id) WHERE day = %s",
            [day],
        )
        scores, levels, compared = cursor.fetchone()
    if scores or levels or not compared:
        raise RuntimeError(f"{day}: {scores} scores and {levels} levels of {compared} differ")


def main() -> int:
    """`--inside N DAYS`: measure here, in the database of the environment."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="a county only, under a minute")
    words.add_argument("--inside", nargs=2, type=int, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.inside:
        import django

        django.setup()
        print(json.dumps(measure(*given.inside)))
        return 0
    print(json.dumps(run(given.quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
