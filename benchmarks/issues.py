"""What the list costs at 100,000 issues: server time of its pages as their readers ask for them, and moves a second.

A page is a whole request: middleware, session, sight, queries, template. Beside it, in the same run, the bare SQL that the same
page sends, executed alone; beside a move (some twenty statements that hold the list's promises), the two statements nobody
could do without: claim the issue's version and write the move's row.

    python benchmarks/issues.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingxiu.database import temporary_cluster

if TYPE_CHECKING:
    from django.test import Client

    from lingxiu.accounts.models import User

ISSUES = 100_000
MERCHANTS = 2_780
TOWNS, GRIDS = 9, 36
ROUNDS = {True: 8, False: 40}
MOVES = {True: 60, False: 300}
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 6, 4, 0, tzinfo=UTC)
WORLD = Path(__file__).with_name("issues_world.sql")

# reader → what they ask of /issues/
LISTS: dict[str, list[str]] = {
    "county": [
        "?view=all",
        "?view=all&state=open&sort=due",
        "?view=all&late=1",
        "?view=all&state=closed&violation=D-BIN",
        "?view=all&town=330421003&from=2025-06-01&to=2025-06-30",
        "?view=all&q=bench+1234",
        "?view=all&q=%E9%9A%94%E6%B2%B9%E6%B1%A0",  # 隔油池, one issue in seven
        "?view=all&q=%E7%AC%AC77777%E4%BB%B6",  # 第77777件, one issue
        "?view=all&q=%E6%B2%A1%E6%9C%89%E8%BF%99%E5%8F%A5%E8%AF%9D",  # 没有这句话, none
        "?view=all&after=1740000000000000.50000",
    ],
    "dispatcher": ["?view=unit", "?view=all", "?view=all&q=%E5%9E%83%E5%9C%BE%E6%A1%B6", "?view=unit&late=1"],
    "department": ["?view=all", "?view=all&state=open"],
    "grid": ["?view=all", "?view=all&state=closed"],
}
MINE = {"dispatcher": ["?view=mine"], "grid": ["?view=mine"]}


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench issues`: rows, list_p95_ms, mine_p95_ms, queries_list, moves_per_s, and what stands beside them."""
    with temporary_cluster() as url, tempfile.TemporaryDirectory(prefix="lingxiu-bench-") as home:
        (Path(home) / "static").mkdir()
        found = _in_its_own_process(url, home, quick)
    pages = found.pop("pages")
    print(f"{'reader':<11} {'page':<58} {'p50 ms':>7} {'p95 ms':>7} {'bare SQL ms':>12} {'queries':>8}")
    for row in pages:
        print(
            f"{row['reader']:<11} {row['page']:<58} {row['p50_ms']:>7.1f} {row['p95_ms']:>7.1f} {row['bare_ms']:>12.1f} "
            f"{row['queries']:>8}"
        )
    print(f"sheet of {found['export_rows']:,} rows in {found['export_s']} s")
    print(f"moves {found['moves_per_s']:.0f}/s; claim and row alone {found['bare_moves_per_s']:.0f}/s")
    return {**found, "slowest": max(pages, key=lambda row: float(row["p95_ms"]))}


def _in_its_own_process(url: str, home: str, quick: bool) -> dict[str, Any]:
    """Django is set up once a process, for one database."""
    done = subprocess.run(
        [sys.executable, __file__, "--inside", *(["--quick"] if quick else [])],
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


def measure(quick: bool) -> dict[str, Any]:
    """Make the world, ask for every page `ROUNDS` times after one warm one, then move issues."""
    from django.conf import settings

    from lingxiu.issues.export import MOST_ROWS

    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": storage,
    }  # nothing is served here, so nothing was collected
    readers = _make_world()
    lists = [_page(readers[who], who, page, ROUNDS[quick]) for who, pages in LISTS.items() for page in pages]
    mine = [_page(readers[who], who, page, ROUNDS[quick]) for who, pages in MINE.items() for page in pages]
    exported = _timed(lambda: b"".join(_client(readers["county"]).get("/issues/export.xlsx").streaming_content))
    moved = _moves_per_second(readers, MOVES[quick])
    return {
        "rows": ISSUES,
        "list_p95_ms": _p95([ms for row in lists for ms in row["times"]]),
        "mine_p95_ms": _p95([ms for row in mine for ms in row["times"]]),
        "queries_list": max(row["queries"] for row in lists),
        "moves_per_s": moved["moves_per_s"],
        "bare_sql_p95_ms": _p95([ms for row in lists for ms in row["bare_times"]]),
        "bare_moves_per_s": moved["bare_moves_per_s"],
        "export_s": round(exported / 1000, 2),
        "export_rows": MOST_ROWS,
        "kilobytes_list": max(row["kilobytes"] for row in lists),
        "pages": [
            {key: value for key, value in row.items() if key not in ("times", "bare_times")} for row in [*lists, *mine]
        ],
    }


def _p95(times: list[float]) -> float:
    return round(statistics.quantiles(times, n=20)[18], 2)


def _client(user: User) -> Client:
    from django.test import Client

    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    return client


def _page(user: User, who: str, page: str, rounds: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = _client(user)
    with CaptureQueriesContext(connection) as sent:
        answer = client.get(f"/issues/{page}")
    if answer.status_code != 200:
        raise RuntimeError(f"{who} {page}: {answer.status_code}")
    queries = [query["sql"] for query in sent.captured_queries]
    statements = [sql for sql in queries if "issues_issue" in sql]
    times = [_timed(lambda: client.get(f"/issues/{page}")) for _ in range(rounds)]
    bare = [_timed(lambda: _execute(statements)) for _ in range(rounds)]
    return {
        "reader": who,
        "page": page,
        "p50_ms": round(statistics.median(times), 2),
        "p95_ms": _p95(times),
        "bare_ms": round(statistics.median(bare), 2),
        "queries": len(queries),
        "kilobytes": round(len(answer.content) / 1024),
        "times": times,
        "bare_times": bare,
    }


def _execute(statements: list[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            cursor.fetchall()


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _moves_per_second(readers: dict[str, User], rounds: int) -> dict[str, float]:
    """A find goes the whole quick way: accept, visit, feed back, close; each move its own committed transaction."""
    from django.db import connection, transaction

    from lingxiu.issues.actions import Found, move, report
    from lingxiu.issues.lifecycle import Move, Result
    from lingxiu.issues.models import Source
    from lingxiu.issues.writing import Brought
    from lingxiu.merchants.models import Merchant

    shop = Merchant.objects.get(grid=readers["grid"].posts.get().unit.grid, name__endswith=" 0")
    issues = [
        report(Found(Source.GRID_MEMBER, "P-OTHER", "看一看", NOON, shop, found_by=readers["grid"]), at=NOON)
        for _ in range(rounds // 4)
    ]
    steps: list[tuple[Move, str, Brought]] = [
        (Move.ACCEPT, "grid", Brought()),
        (Move.HANDLE, "grid", Brought(words="看了现场")),
        (Move.FEED_BACK, "grid", Brought(result=Result.FIXED, words="好了")),
        (Move.CLOSE, "dispatcher", Brought()),
    ]
    begun = time.perf_counter()
    for number, issue in enumerate(issues):
        for what, who, brought in steps:
            move(issue.number, what, actor=readers[who], at=NOON + timedelta(minutes=number), brought=brought)
    ours = len(issues) * len(steps) / (time.perf_counter() - begun)

    begun = time.perf_counter()
    for number in range(rounds):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE issues_issue SET version = version + 1 WHERE id = %s RETURNING version",
                [issues[number % len(issues)].pk],
            )
            row = cursor.fetchone()
            assert row is not None
            cursor.execute(
                "INSERT INTO issues_move (issue_id, version, move, from_state, to_state, from_level, to_level, words, result,"
                " photos, at, data) VALUES (%s, %s, 'note', 'closed', 'closed', 'grid', 'grid', 'x', '', '[]', now(), '{}')",
                [issues[number % len(issues)].pk, row[0]],
            )
    return {
        "moves_per_s": round(ours, 1),
        "bare_moves_per_s": round(rounds / (time.perf_counter() - begun), 1),
    }


def _make_world() -> dict[str, User]:
    """Nine towns of 36 grids, 2,780 merchants, 100,000 issues, and somebody to read them."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from lingxiu.accounts.models import Post, Unit, UnitKind, User
    from lingxiu.merchants.models import Merchant, Standing
    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import SHIPPED
    from lingxiu.territory.models import Area, AreaKind

    call_command("migrate", verbosity=0)
    load(SHIPPED, at=BEGAN)
    office = Unit.objects.create(code="county-office", kind=UnitKind.COUNTY_OFFICE, name="县专班")
    ecology = Unit.objects.create(code="dept-ecology", kind=UnitKind.DEPARTMENT, name="生态环境分局", parent=office)
    grids: list[Unit] = []
    towns: list[Unit] = []
    for n in range(TOWNS):
        code = f"330421{n + 1:03}"
        Area.objects.create(
            code=code,
            kind=AreaKind.TOWN,
            name=f"第{n + 1}镇",
            shape=b"",
            centre_lng=120.9,
            centre_lat=30.9,
            synthetic=True,
        )
        towns.append(Unit.objects.create(code=code, kind=UnitKind.TOWN, name=f"第{n + 1}镇", parent=office, town=code))
        codes = [f"{code}001{g:02}" for g in range(GRIDS)]
        grids += [
            Unit(code=grid, kind=UnitKind.GRID, name=f"网格{grid[-2:]}", parent=towns[-1], town=code, grid=grid)
            for grid in codes
        ]
    Unit.objects.bulk_create(grids)
    shops = Merchant.objects.bulk_create(
        Merchant(
            name=f"bench {n}", pinyin=f"bench{n}", kind="restaurant", licence_kind="food_licence", address=f"人民大道{n}号",
            lng=120.9 + n / 1e5, lat=30.9, town=grids[n % len(grids)].town, grid=grids[n % len(grids)].grid,
            created_at=BEGAN, updated_at=BEGAN, synthetic=True,
        )
        for n in range(MERCHANTS)
    )  # fmt: skip
    Standing.objects.bulk_create(Standing(merchant=shop) for shop in shops)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WORLD.read_text(encoding="utf-8") % {"issues": ISSUES})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    posts = {
        "county": ("county_officer", office),
        "dispatcher": ("town_dispatcher", towns[0]),
        "department": ("department_officer", ecology),
        "grid": ("grid_member", grids[0]),
    }
    readers = {}
    for name, (role, unit) in posts.items():
        readers[name] = User.objects.create_user(name, None, name=name)
        Post.objects.create(user=readers[name], role=role, unit=unit, since=BEGAN)
    return readers


def main() -> None:
    """The table, then the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    if not asked.inside:
        print(json.dumps(run(asked.quick), ensure_ascii=False))
        return
    import django

    django.setup()
    print(json.dumps(measure(asked.quick)))


if __name__ == "__main__":
    main()
