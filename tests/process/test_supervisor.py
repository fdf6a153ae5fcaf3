"""The supervisor: what ends is started again, in order, and nothing outlives it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path

import psycopg
import pytest

from lingxiu import supervisor as module
from lingxiu.children import CannotStart
from lingxiu.database import as_child, hold, prepare
from lingxiu.supervisor import (
    Child,
    ChildFailed,
    Console,
    Event,
    LogFiles,
    PortTaken,
    Supervisor,
    answers_http,
    back_off_s,
    port_open,
    probe_port,
)
from tests.process.alive import lives
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

FOR_EVER = "import signal; signal.pause()"
# Says so once it cannot be asked to end any more.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"


def python(name: str, script: str, **settings: object) -> Child:
    return Child(name, [sys.executable, "-c", script], **settings)  # type: ignore[arg-type]  # the test's own words


class Watched:
    """A supervisor of which the test sees every event and every line, and to which it answers as they come.

    It runs in this very process; the test's answers are called between its steps, so nothing depends on time.
    """

    def __init__(self, *children: Child) -> None:
        self.events: list[Event] = []
        self.lines: list[tuple[str, str]] = []
        self._answers: list[tuple[Callable[[], bool], Callable[[], None]]] = []
        self._supervisor = Supervisor(children, output=self._hear, notify=self._see)

    def when(self, case: Callable[[], bool], answer: Callable[[], None]) -> Watched:
        self._answers.append((case, answer))
        return self

    def stop_when(self, case: Callable[[], bool]) -> Watched:
        return self.when(case, lambda: signal.raise_signal(signal.SIGTERM))

    def each_time_ready(self, times: int, answer: Callable[[], None]) -> Watched:
        """Answers so many times, then stops at the next."""
        for turn in range(1, times + 1):
            self.when(partial(self._has_been_ready, turn), answer)
        return self.stop_when(partial(self._has_been_ready, times + 1))

    def _has_been_ready(self, times: int) -> bool:
        return self.count("ready") >= times

    def run(self) -> Watched:
        self._supervisor.run()
        return self

    def count(self, action: str, child: str | None = None) -> int:
        return len([one for one in self.events if one.action == action and child in (None, one.child)])

    def pid(self, child: str) -> int:
        """Of the last one started."""
        return [int(one.facts["pid"]) for one in self.events if one.action == "started" and one.child == child][-1]

    @property
    def story(self) -> list[str]:
        return [f"{one.child} {one.action}" for one in self.events]

    def _see(self, event: Event) -> None:
        self.events.append(event)
        self._answer()

    def _hear(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._answer()

    def _answer(self) -> None:
        due = [one for one in self._answers if one[0]()]
        self._answers = [one for one in self._answers if one not in due]
        for _, answer in due:
            answer()


# ── restarted ──


@pytest.mark.parametrize("ending", ["raise SystemExit(0)", "raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"])
def test_whatever_way_a_child_ends_it_is_started_again(ending: str) -> None:
    watched = Watched(python("worker", ending))
    watched.stop_when(lambda: watched.count("started") == 3).run()
    assert watched.count("exited") >= 2


def test_how_it_ended_is_told() -> None:
    watched = Watched(python("worker", "raise SystemExit(3)"))
    watched.stop_when(lambda: watched.count("exited") == 1).run()
    [exited] = [one for one in watched.events if one.action == "exited"]
    assert exited.facts == {"reason": "ended with status 3", "again_in_s": 0.1}


def test_a_killed_child_is_back_though_others_come_after_it() -> None:
    watched = Watched(python("first", FOR_EVER), python("second", FOR_EVER))
    watched.when(lambda: watched.count("ready") == 2, lambda: os.kill(watched.pid("first"), signal.SIGKILL))
    watched.stop_when(lambda: watched.count("ready", "first") == 2).run()
    assert watched.count("started", "second") == 1


def test_what_a_dead_child_left_in_its_group_ends_with_it() -> None:
    script = (
        "import subprocess, sys; left = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        "print(left.pid, flush=True)"
    )
    watched = Watched(python("master", script))
    watched.stop_when(lambda: watched.count("exited") == 1).run()
    [(_, left)] = watched.lines
    eventually(lambda: not lives(int(left)))


def test_the_pauses_grow_to_a_bound() -> None:
    pauses = [back_off_s(failures) for failures in range(1, 50)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.1
    assert pauses[-1] == 30


def test_the_pauses_begin_anew_after_a_healthy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEALTHY_S", 0.0)
    watched = Watched(python("worker", FOR_EVER))
    watched.each_time_ready(3, lambda: os.kill(watched.pid("worker"), signal.SIGKILL)).run()
    assert {one.facts["again_in_s"] for one in watched.events if one.action == "exited"} == {0.1}


def test_a_child_that_never_gets_going_ends_it_all_in_words() -> None:
    first = python("first", FOR_EVER)
    watched = Watched(first, python("web", "raise SystemExit(1)", ready=lambda: False, attempts=2))
    with pytest.raises(ChildFailed, match="web did not start 2 times: ended with status 1"):
        watched.run()
    assert watched.story[-2:] == ["first stopping", "first stopped"]
    assert not lives(watched.pid("first"))


def test_a_program_that_is_not_there_is_told() -> None:
    with pytest.raises(ChildFailed, match="No such file"):
        Watched(Child("web", ["/nowhere/web"], attempts=1)).run()


def test_a_start_may_be_refused_by_what_has_to_come_before_it() -> None:
    def refuse() -> None:
        raise CannotStart("not today")

    with pytest.raises(ChildFailed, match="web did not start: not today"):
        Watched(python("web", FOR_EVER, before_start=refuse, attempts=1)).run()


def test_a_child_that_was_up_once_is_never_given_up() -> None:
    watched = Watched(python("worker", FOR_EVER, attempts=1))
    watched.each_time_ready(2, lambda: os.kill(watched.pid("worker"), signal.SIGKILL)).run()
    assert watched.count("ready") == 3


def test_a_child_that_does_not_get_ready_is_killed_and_tried_again() -> None:
    watched = Watched(python("web", FOR_EVER, ready=lambda: False, ready_within_s=0.0))
    watched.stop_when(lambda: watched.count("started") == 2).run()
    assert watched.story[:3] == ["web started", "web unready", "web exited"]


# ── in order ──


def test_each_waits_for_the_one_before_it_and_goes_before_it(tmp_path: Path) -> None:
    def writes(name: str) -> Child:
        path = tmp_path / name
        return python(name, f"open({str(path)!r}, 'w').close(); {FOR_EVER}", ready=path.exists)

    watched = Watched(writes("database"), writes("web"), writes("worker"))
    watched.stop_when(lambda: watched.count("ready", "worker") == 1).run()
    names = ["database", "web", "worker"]
    up = [f"{name} {action}" for name in names for action in ("started", "ready")]
    down = [f"{name} {action}" for name in reversed(names) for action in ("stopping", "stopped")]
    assert watched.story == up + down


def test_a_step_runs_to_its_end_before_the_next_starts() -> None:
    watched = Watched(python("migrate", "print('done')", once=True), python("web", FOR_EVER))
    watched.stop_when(lambda: watched.count("ready", "web") == 1).run()
    assert watched.story[:4] == ["migrate started", "migrate done", "web started", "web ready"]
    assert watched.lines == [("migrate", "done")]


def test_a_step_that_fails_ends_it_all() -> None:
    watched = Watched(python("migrate", "raise SystemExit(1)", once=True, attempts=1), python("web", FOR_EVER))
    with pytest.raises(ChildFailed, match="migrate did not start: ended with status 1"):
        watched.run()
    assert watched.count("started", "web") == 0


# ── stopped ──


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_on(how: signal.Signals) -> None:
    before = signal.signal(how, signal.SIG_DFL)  # whoever runs the tests may have closed their ears to it
    try:
        watched = Watched(python("web", FOR_EVER))
        watched.when(lambda: watched.count("ready") == 1, lambda: signal.raise_signal(how)).run()
    finally:
        signal.signal(how, before)
    assert watched.story[-1] == "web stopped"
    assert not lives(watched.pid("web"))


def test_under_nohup_a_closed_terminal_does_not_stop_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        watched = Watched(python("web", FOR_EVER))
        watched.when(lambda: watched.count("ready") == 1, lambda: signal.raise_signal(signal.SIGHUP))
        watched.when(lambda: watched.count("ready") == 1, lambda: os.kill(watched.pid("web"), signal.SIGKILL))
        watched.stop_when(lambda: watched.count("ready") == 2).run()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_signals_are_what_they_were_afterwards() -> None:
    before = [signal.getsignal(one) for one in (*module.STOP_SIGNALS, signal.SIGCHLD)]
    watched = Watched(python("web", FOR_EVER))
    watched.stop_when(lambda: watched.count("ready") == 1).run()
    assert [signal.getsignal(one) for one in (*module.STOP_SIGNALS, signal.SIGCHLD)] == before


def test_a_child_gets_the_signal_it_asked_for_and_says_its_last_words() -> None:
    script = (
        "import signal, sys\n"
        "def leave(number, frame): print('flushed'); sys.exit(0)\n"
        "signal.signal(signal.SIGINT, leave); print('up', flush=True); signal.pause()"
    )
    watched = Watched(python("gateway", script, stop_signal=signal.SIGINT))
    watched.stop_when(lambda: ("gateway", "up") in watched.lines).run()
    assert watched.lines[-1] == ("gateway", "flushed")


def test_a_child_that_does_not_listen_is_killed_with_its_whole_group_after_its_grace() -> None:
    script = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True); {STUBBORN}"
    watched = Watched(python("web", script, grace_s=0.3))
    watched.stop_when(lambda: watched.lines.count(("web", "deaf")) == 2).run()
    assert watched.story[-3:] == ["web stopping", "web killed", "web stopped"]
    grandchild = next(int(line) for _, line in watched.lines if line.isdigit())
    eventually(lambda: not lives(grandchild))


def test_a_second_ctrl_c_hurries() -> None:
    """The child itself keeps pressing Ctrl-C once it is asked to stop; its grace would be ten minutes."""
    script = (
        "import os, signal, time\n"
        "def press(number, frame):\n"
        "    while True: os.kill(os.getppid(), signal.SIGINT); time.sleep(0.05)\n"
        "signal.signal(signal.SIGTERM, press); print('up', flush=True); signal.pause()"
    )
    watched = Watched(python("first", FOR_EVER), python("stubborn", script, grace_s=600.0))
    watched.stop_when(lambda: ("stubborn", "up") in watched.lines).run()
    assert [one.facts.get("reason") for one in watched.events if one.action == "stopped"] == ["ended by SIGKILL"] * 2


def test_one_ctrl_c_that_arrives_twice_does_not_hurry() -> None:
    leaves = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); signal.pause()"
    watched = Watched(python("web", leaves))

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    watched.when(lambda: ("web", "up") in watched.lines, twice).run()
    assert watched.events[-1].facts["reason"] == "ended with status 0"


# ── killed itself ──


@contextmanager
def supervised_elsewhere(children: str) -> Iterator[tuple[subprocess.Popen[str], Callable[[str], str]]]:
    """A supervisor in a process of its own that prints what it sees; `children` is the source of their list."""
    script = (
        "import signal, sys; from pathlib import Path; from lingxiu.database import *; from lingxiu.supervisor import *\n"
        f"Supervisor({children}, output=lambda n, l: print(n, l, flush=True),"
        " notify=lambda e: print(e.child, e.action, e.facts.get('pid', ''), flush=True)).run()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout

        def read_until(beginning: str) -> str:
            for line in said:
                if line.startswith(beginning):
                    return line
            raise AssertionError(f"it never said {beginning!r}")

        try:
            yield process, read_until
        finally:
            process.kill()


def test_gunicorn_and_its_workers_do_not_outlive_a_killed_supervisor(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "hello.py").write_text("def app(environ, start): start('200 OK', []); return [b'hello']\n")
    argv = [
        sys.executable,
        "-m",
        "gunicorn",
        "-w",
        "2",
        "-b",
        f"127.0.0.1:{free_port}",
        "--chdir",
        str(tmp_path),
        "hello:app",
    ]
    child = f"Child('web', {argv!r}, ready=answers_http('127.0.0.1', {free_port}, '/'))"
    with supervised_elsewhere(f"[{child}]") as (process, read_until):
        master = int(read_until("web ready").split()[-1])
        workers = eventually(lambda: pair if len(pair := children_of(master)) == 2 else [])
        process.kill()
    eventually(lambda: not any(lives(pid) for pid in [master, *workers]))
    probe_port("127.0.0.1", free_port, "PORT")


def test_the_database_does_not_outlive_a_killed_supervisor_and_opens_again(home: Path) -> None:
    with hold(home) as held:
        cluster = prepare(held, durable=False)
    child = f"as_child(prepare(hold(Path({str(home)!r})).__enter__(), durable=False))"
    with supervised_elsewhere(f"[{child}]") as (process, read_until):
        postmaster = int(read_until("database ready").split()[-1])
        process.kill()
    with hold(home) as held:
        prepare(held, durable=False)
        assert not lives(postmaster)
        watched = Watched(as_child(cluster))
        watched.stop_when(lambda: watched.count("ready") == 1).run()


def test_the_death_of_its_starter_is_a_childs_end_even_before_it_could_listen() -> None:
    with supervised_elsewhere(f"[Child('web', [sys.executable, '-c', {FOR_EVER!r}])]") as (process, read_until):
        pid = int(read_until("web started").split()[-1])
        process.kill()
    eventually(lambda: not lives(pid))


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# ── with the database ──


def test_a_killed_database_is_back_and_answers(home: Path) -> None:
    """Killed three times, each time while a client is connected; what was committed is there each time."""
    with hold(home) as held:
        cluster = prepare(held)
        watched = Watched(as_child(cluster))
        seen: list[int] = []

        def use_and_kill() -> None:
            with psycopg.connect(cluster.url, autocommit=True) as connection:
                connection.execute("create table if not exists visit (number int generated always as identity)")
                connection.execute("insert into visit default values")
                [(count,)] = connection.execute("select count(*) from visit").fetchall()
                seen.append(count)
                os.kill(watched.pid("database"), signal.SIGKILL)

        watched.each_time_ready(3, use_and_kill).run()
    assert seen == [1, 2, 3]
    assert watched.events[-1].facts["reason"] == "ended with status 0"


# ── what children say ──


def test_every_line_is_passed_on_with_its_childs_name_the_last_one_too() -> None:
    script = (
        "import os, signal; os.write(2, b'error\\n')\n"
        "os.write(1, '一\\n二\\r\\n'.encode() + b'\\xff\\nno end'); signal.pause()"
    )
    watched = Watched(python("web", script))
    watched.stop_when(lambda: len(watched.lines) == 4).run()
    assert watched.lines == [("web", line) for line in ("error", "一", "二", "\N{REPLACEMENT CHARACTER}", "no end")]


def test_a_line_without_end_is_passed_on_in_pieces() -> None:
    script = "import os, signal\nfor _ in range(5): os.write(1, b'x' * 65536)\nos.write(1, b'\\n'); signal.pause()"
    watched = Watched(python("web", script))
    watched.stop_when(lambda: sum(len(line) for _, line in watched.lines) == 5 * 65536).run()
    assert max(len(line) for _, line in watched.lines) <= 2 * module.LONGEST_LINE


def test_on_the_console_a_line_begins_with_its_childs_name() -> None:
    stream = StringIO()
    Console(stream)("web", "listening")
    assert stream.getvalue() == "web      | listening\n"


def test_a_console_that_is_gone_is_no_reason_to_end() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    Console(stream)("web", "listening")
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_log_files_are_one_a_child_and_bounded(tmp_path: Path) -> None:
    with LogFiles(tmp_path / "logs") as output:
        output("web", "第一行")
        for _ in range(26):
            output("gateway", "x" * 1_000_000)
    assert (tmp_path / "logs/web.log").read_text() == "第一行\n"
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "logs").glob("gateway.log*")}
    assert sorted(sizes) == ["gateway.log", "gateway.log.1", "gateway.log.2", "gateway.log.3"]
    assert max(sizes.values()) <= 5_000_000


def test_a_full_disk_costs_log_lines_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "web.log").symlink_to("/dev/full")
    with LogFiles(tmp_path) as output:
        output("web", "lost")


# ── ports ──


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("variable", ["PORT", "HJ212_PORT"])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", ""])
def test_a_taken_port_names_the_variable_that_moves_it(host: str, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} on .* is taken: choose another with {variable}="):
            probe_port(host, port, variable, patience_s=0)


def test_a_free_port_is_free_and_stays_so(free_port: int) -> None:
    probe_port("127.0.0.1", free_port, "PORT")
    probe_port("0.0.0.0", free_port, "PORT")
    socket.create_server(("127.0.0.1", free_port)).close()


def test_a_port_in_the_closing_of_old_connections_is_free(free_port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", free_port)) as listener,
        socket.create_connection(("127.0.0.1", free_port)) as client,
    ):
        server, _ = listener.accept()
        server.close()
        assert client.recv(1) == b""
    probe_port("127.0.0.1", free_port, "PORT")


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(PortTaken, match="cannot be used"):
        probe_port("192.0.2.1", 8000, "PORT")


def test_a_door_is_open_when_somebody_listens(free_port: int) -> None:
    assert not port_open("0.0.0.0", free_port)()
    with socket.create_server(("127.0.0.1", free_port)):
        assert port_open("0.0.0.0", free_port)()


def test_a_page_answers_only_with_200(free_port: int) -> None:
    assert not answers_http("127.0.0.1", free_port, "/")()
