"""What the list costs at 100,000 or a million issues: server time of its pages as their readers ask for them, and writes a second.

A page is a whole request: middleware, session, sight, queries, template. Beside it, in the same run, the bare SQL that the same
page sends, executed alone; beside a move (some twenty statements that hold the list's promises), the two statements nobody
could do without: claim the issue's version and write the move's row.

    python benchmarks/issues.py --quick                         100,000 issues, under a minute
    python benchmarks/issues.py --rows 1000000 --explain        every statement of every page, its time, and its plan if it is slow
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingxiu.database import temporary_cluster

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._worlds import leave_texts_empty

if TYPE_CHECKING:
    from django.test import Client

    from lingxiu.accounts.models import User

QUICK_ROWS, ROWS = 100_000, 1_000_000
SHORTEST_S = 158  # a million in five years: 550 a day
MERCHANTS = 2_780
TOWNS, GRIDS = 9, 36
ROUNDS = {True: 4, False: 20}
MOVES = {True: 60, False: 400}
WORTH_A_PLAN_MS = 10.0
DRY_RUN = 10_000
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
        "?view=all&flow=joint",
        "?view=all&state=valid&source=found",
        "?view=all&waits=decision",
        "?view=all&waits=objection",
        "?view=all&level=grassroots&in_time=yes",
        "?view=all&answers=late",
        "?view=all&rated=1",
        "?view=all&repeat=1",
        "?view=all&ended_from=2026-01-01&ended_to=2026-01-31",
        "?view=all&step_from=2026-03-09&step_to=2026-03-13",
        "?view=all&reopened=1",
        "?view=all&rated=1-2",
        "?view=all&answers=waiting",
        "?view=all&waits=reporter",
        "?view=all&waits=merchant",
        "?view=all&waits=unit",
        "?view=all&state=open&near=1",
        "?view=all&listed=black",
    ],
    "dispatcher": [
        "?view=unit",
        "?view=all",
        "?view=all&q=%E5%9E%83%E5%9C%BE%E6%A1%B6",
        "?view=unit&late=1",
        "?view=all&state=ended&sort=new",
        "digest/",
    ],
    "department": ["?view=all", "?view=all&state=open", "?view=unit", "?view=all&flow=joint"],
    "grid": ["?view=all", "?view=all&state=closed"],
}
LOOKBACK: dict[str, list[str]] = {
    "county": [
        "lookback/?period=month&day=2025-06-15",
        "lookback/map/?period=month&day=2025-06-15&on=14",
        "lookback/map/?period=month&day=2026-02-15",
        "lookback/units/?period=month&day=2025-06-15",
    ],
    "dispatcher": [
        "lookback/?period=month&day=2025-06-15",
        "lookback/units/?period=month&day=2025-06-15",
        "lookback/map/?period=month&day=2025-06-15",
    ],
}
MINE = {"dispatcher": ["?view=mine"], "department": ["?view=mine"], "grid": ["?view=mine"]}
MAP = "export.geojson?view=all&state=open"


def run(quick: bool, rows: int = 0, explain: bool = False) -> dict[str, Any]:
    """Figures of `lingxiu bench issues`: rows, list_p95_ms, mine_p95_ms, queries_list, moves_per_s, and what stands beside them."""
    with temporary_cluster() as url, tempfile.TemporaryDirectory(prefix="lingxiu-bench-") as home:
        (Path(home) / "static").mkdir()
        found = _in_its_own_process(url, home, quick, rows or (QUICK_ROWS if quick else ROWS), explain)
    pages = found.pop("pages")
    print(f"{'reader':<11} {'page':<66} {'p50 ms':>7} {'p95 ms':>7} {'bare SQL ms':>12} {'queries':>8}")
    for row in pages:
        print(
            f"{row['reader']:<11} {row['page']:<66} {row['p50_ms']:>7.1f} {row['p95_ms']:>7.1f} {row['bare_ms']:>12.1f} "
            f"{row['queries']:>8}"
        )
    print(f"{found['rows']:,} issues made in {found['world_s']} s, {found['open']:,} of them open")
    print(f"sheet of {found['export_rows']:,} rows in {found['export_s']} s")
    print(f"map of the open issues: {found['map_points']:,} points, {found['map_s']} s")
    print(f"dry run of routing over {found['dry_run_rows']:,} issues in {found['dry_run_s']} s")
    print(f"clocks looked at, none due: {found['clocks_ms']} ms")
    print(f"created {found['created_per_s']:.0f}/s")
    print(f"moves {found['moves_per_s']:.0f}/s; claim and row alone {found['bare_moves_per_s']:.0f}/s")
    return {**found, "slowest": max(pages, key=lambda row: float(row["p95_ms"]))}


def _in_its_own_process(url: str, home: str, quick: bool, rows: int, explain: bool) -> dict[str, Any]:
    """Django is set up once a process, for one database."""
    done = subprocess.run(
        [
            sys.executable,
            __file__,
            "--inside",
            "--rows",
            str(rows),
            *(["--quick"] if quick else []),
            *(["--explain"] if explain else []),
        ],
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


def measure(quick: bool, rows: int, explain: bool) -> dict[str, Any]:
    """Make the world, ask for every page `ROUNDS` times after one warm one, then move issues."""
    from django.conf import settings

    from lingxiu.issues.export import MOST_ROWS
    from lingxiu.issues.models import Issue

    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": storage,
    }  # nothing is served here, so nothing was collected
    begun = time.perf_counter()
    readers = _make_world(rows)
    world = time.perf_counter() - begun
    print(f"{rows:,} issues made in {world:.0f} s", file=sys.stderr, flush=True)
    lists = [_page(readers[who], who, page, ROUNDS[quick], explain) for who, pages in LISTS.items() for page in pages]
    mine = [_page(readers[who], who, page, ROUNDS[quick], explain) for who, pages in MINE.items() for page in pages]
    lookback = [
        _page(readers[who], who, page, ROUNDS[quick], explain) for who, pages in LOOKBACK.items() for page in pages
    ]
    exported = _timed(lambda: b"".join(_client(readers["county"]).get("/issues/export.xlsx").streaming_content))
    return {
        "rows": rows,
        "open": Issue.objects.open().count(),
        "world_s": round(world, 1),
        "list_p95_ms": _p95([ms for row in lists for ms in row["times"]]),
        "mine_p95_ms": _p95([ms for row in mine for ms in row["times"]]),
        "lookback_p95_ms": _p95([ms for row in lookback for ms in row["times"]]),
        "queries_list": max(row["queries"] for row in lists),
        "bare_sql_p95_ms": _p95([ms for row in lists for ms in row["bare_times"]]),
        "export_s": round(exported / 1000, 2),
        "export_rows": MOST_ROWS,
        **_map_of_issues(readers["county"]),
        **_dry_run(),
        **_clocks(explain),
        **_writes_per_second(readers, MOVES[quick]),
        "kilobytes_list": max(row["kilobytes"] for row in lists),
        "pages": [
            {key: value for key, value in row.items() if key not in ("times", "bare_times")}
            for row in [*lists, *mine, *lookback]
        ],
    }


def _map_of_issues(user: User) -> dict[str, float]:
    """The open issues as points, written out whole."""
    client, points = _client(user), 0

    def draw() -> None:
        nonlocal points
        points = len(json.loads(b"".join(client.get(f"/issues/{MAP}").streaming_content))["features"])

    return {"map_s": round(min(_timed(draw) for _ in range(3)) / 1000, 2), "map_points": points}


def _dry_run() -> dict[str, float]:
    """The shipped rules tried over the last issues."""
    from lingxiu.issues.dry_run import dry_run
    from lingxiu.policy.queries import in_force

    rules = in_force().catalogues.routing
    found = dry_run(rules, DRY_RUN)
    taken = min(_timed(lambda: dry_run(rules, DRY_RUN)) for _ in range(3))
    return {"dry_run_s": round(taken / 1000, 2), "dry_run_rows": found.routed, "dry_run_other": len(found.differences)}


def _clocks(explain: bool) -> dict[str, float]:
    """The worker's look at all clocks, most of them years late: found none to follow, once all were followed."""
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from lingxiu.issues.overdue import follow_up

    with connection.cursor() as cursor, transaction.atomic():
        # No share of any clock has passed yet: as on a day on which nobody is late.
        with CaptureQueriesContext(connection) as sent:
            follow_up(BEGAN - timedelta(days=4000))
        if explain:
            _explain([query["sql"] for query in sent.captured_queries], "worker", "clocks")
        cursor.execute("SELECT 1")
    return {"clocks_ms": round(min(_timed(lambda: follow_up(BEGAN - timedelta(days=4000))) for _ in range(5)), 1)}


def _p95(times: list[float]) -> float:
    return round(statistics.quantiles(times, n=20)[18], 2)


def _client(user: User) -> Client:
    from django.test import Client

    client = Client(HTTP_HOST="localhost")
    client.force_login(user)
    return client


def _page(user: User, who: str, page: str, rounds: int, explain: bool) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = _client(user)
    with CaptureQueriesContext(connection) as sent:
        answer = client.get(f"/issues/{page}")
    if answer.status_code != 200:
        raise RuntimeError(f"{who} {page}: {answer.status_code}")
    queries = [query["sql"] for query in sent.captured_queries]
    statements = [sql for sql in queries if "issues_issue" in sql]
    if explain:
        _explain(queries, who, page)
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


def _explain(statements: list[str], who: str, page: str) -> None:
    """Every statement with its time; the plan of those that are slow."""
    from django.db import connection

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    say(f"\n══ {who} {page}")
    for statement in statements:
        if not statement.lstrip().upper().startswith(("SELECT", "WITH", "--")):
            continue
        took = min(_timed(lambda sql=statement: _execute([sql])) for _ in range(2))  # type: ignore[misc]  # a default binds it
        say(f"{took:8.1f} ms  {' '.join(statement.split())[:1500]}")
        if took < WORTH_A_PLAN_MS:
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}")
            say("\n".join(f"            {line}" for (line,) in cursor.fetchall()))


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


def _writes_per_second(readers: dict[str, User], rounds: int) -> dict[str, float]:
    """Finds are made, then go the whole quick way: accept, visit, feed back, close. Each its own committed transaction."""
    from django.db import connection, transaction

    from lingxiu.issues.actions.moving import move
    from lingxiu.issues.actions.opening import Found, report
    from lingxiu.issues.lifecycle import Move, Result
    from lingxiu.issues.models import Source
    from lingxiu.issues.writing import Brought
    from lingxiu.merchants.models import Merchant

    # One shop's rule sends its third find in 90 days to the town: each find is of another shop of the grid.
    shops = list(Merchant.objects.filter(grid=readers["grid"].posts.get().unit.grid).order_by("pk"))
    kinds = ["P-OTHER", "P-SMELL", "P-DRAIN", "P-WASTE", "D-PLUG", "D-LOG", "D-FAN"]
    finds = [(shop, kind) for kind in kinds for shop in shops for _ in range(2)] * (rounds // 40 + 1)
    begun = time.perf_counter()
    issues = [
        report(Found(Source.GRID_MEMBER, kind, "看一看", NOON, shop, found_by=readers["grid"]), at=NOON)
        for shop, kind in finds[: rounds // 4]
    ]
    created = len(issues) / (time.perf_counter() - begun)
    picture = _picture()
    steps: list[tuple[Move, str, Brought]] = [
        (Move.ACCEPT, "grid", Brought()),
        (Move.HANDLE, "grid", Brought(words="看了现场", photos=(picture, picture))),
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
        "created_per_s": round(created, 1),
        "moves_per_s": round(ours, 1),
        "bare_moves_per_s": round(rounds / (time.perf_counter() - begun), 1),
    }


def _picture() -> str:
    """The sha256 of a stored picture."""
    import io

    from PIL import Image

    from lingxiu.files.actions import Shot, store_photo

    file = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 90, 60)).save(file, "PNG")
    file.seek(0)
    return store_photo(file, shot=Shot(watermarked=True), caption=[], stored_at=NOON, stored_by=None).sha256


def _make_world(rows: int) -> dict[str, User]:
    """Nine towns of 36 grids, 2,780 merchants, so many issues, and somebody to read them."""
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
    departments = {
        code: Unit.objects.create(code=code, kind=UnitKind.DEPARTMENT, name=name, parent=office)
        for code, name in [
            ("dept-ecology", "生态环境分局"),
            ("dept-enforcement", "综合行政执法局"),
            ("dept-market", "市场监督管理局"),
            ("dept-construction", "建设局"),
        ]
    }
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
    posts = {
        "county": ("county_officer", office),
        "leader": ("leader", office),
        "dispatcher": ("town_dispatcher", towns[0]),
        "department": ("department_officer", departments["dept-ecology"]),
        "grid": ("grid_member", grids[0]),
    }
    readers = {}
    for name, (role, unit) in posts.items():
        readers[name] = User.objects.create_user(name, None, name=name)
        Post.objects.create(user=readers[name], role=role, unit=unit, since=BEGAN)
    with _written_in_bulk(), transaction.atomic(), connection.cursor() as cursor:
        seconds = max(SHORTEST_S, 63_000_000 // rows)
        cursor.execute(WORLD.read_text(encoding="utf-8") % {"issues": rows, "seconds": seconds})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return readers


@contextmanager
def _written_in_bulk() -> Iterator[None]:
    """A million rows are written in minutes without the indexes no constraint needs, and without a look at each issue's
    lead: the indexes are made again at the end, and the leads counted."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('issues_issue', 'issues_move', 'issues_assignment')"
            " AND indexdef NOT LIKE 'CREATE UNIQUE%'"
        )
        indexes = cursor.fetchall()
        cursor.execute("".join(f"DROP INDEX {name};" for name, _ in indexes))
        leave_texts_empty(cursor, "issues_issue", "issues_move", "issues_assignment", "issues_report")
        for table in ("issues_issue", "issues_assignment"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in ("issues_issue", "issues_assignment"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute(";".join(definition for _, definition in indexes))
        cursor.execute(
            "SELECT (SELECT count(*) FROM issues_issue WHERE closed_at IS NULL),"
            " (SELECT count(*) FROM issues_assignment WHERE part = 'lead' AND ended_at IS NULL)"
        )
        opened, leads = cursor.fetchone() or (0, 0)
        if opened != leads:
            raise RuntimeError(f"{opened} open issues with {leads} leads")


def main() -> None:
    """The table, then the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument(
        "--explain", action="store_true", help="each statement and its time; the plans of the slow ones"
    )
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    if not asked.inside:
        print(json.dumps(run(asked.quick, asked.rows, asked.explain), ensure_ascii=False))
        return
    import django

    django.setup()
    print(json.dumps(measure(asked.quick, asked.rows, asked.explain)))


if __name__ == "__main__":
    main()
