"""Keeps a handful of processes alive: started in order, each when those before it are ready, restarted whenever one ends,
stopped in reverse. Decides nothing about what they do, and knows nothing of Django or the database."""

from __future__ import annotations

import errno
import http.client
import logging
import logging.handlers
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self, TextIO

import structlog

from lingxiu.children import Account, CannotStart, has_exited, kill_group, spawn

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Seconds before the first, second, … restart; the last repeats. A killed process is back at once, a broken one is no heater.
BACK_OFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A child that was up for so long starts again from the first of these.
HEALTHY_S: Final = 30.0
# One Ctrl-C may arrive twice, from the terminal and from make: a second one within this time is the same.
SAME_KEY_S: Final = 0.5
HURRIED_GRACE_S: Final = 5.0
READY_POLL_S: Final = 0.1
LONGEST_LINE: Final = 64 * 1024


class ChildFailed(CannotStart):
    """A child did not get going however often it was tried."""

    def __init__(self, name: str, attempts: int, reason: str) -> None:
        self.name, self.attempts, self.reason = name, attempts, reason
        times = "" if attempts == 1 else f" {attempts} times"
        super().__init__(f"{name} did not start{times}: {reason}")


class PortTaken(CannotStart):
    """Somebody else listens where one of ours is to listen, or we may not."""

    def __init__(self, host: str, port: int, variable: str, reason: str) -> None:
        self.host, self.port, self.variable = host, port, variable
        super().__init__(f"port {port} on {host} {reason}: choose another with {variable}=")


def _nothing() -> None:
    pass


def _at_once() -> bool:
    return True


@dataclass(frozen=True)
class Child:
    """One process to keep alive; with `once`, one to run to its end before the next is started."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    """Its whole environment; None: ours."""
    cwd: Path | None = None
    account: Account | None = None
    before_start: Callable[[], None] = _nothing
    """Called before every start, restarts included; may raise CannotStart."""
    ready: Callable[[], bool] = _at_once
    """Asked many times a second until it says yes; everything waits for its answer, so two seconds at most."""
    ready_within_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals = signal.SIGKILL
    """Sent instead when whoever stops us will not wait."""
    grace_s: float = 10.0
    """From the stop signal to SIGKILL for its whole process group."""
    attempts: int = 5
    """How often it is tried until it is up for the first time; afterwards without end."""
    once: bool = False


@dataclass(frozen=True)
class Event:
    """A change of state: `action` is started, ready, done, exited, unready, gave_up, stopping, killed or stopped."""

    action: str
    child: str
    facts: Mapping[str, str | int | float] = field(default_factory=dict)


Output = Callable[[str, str], None]
"""Takes a child's name and one line of what it said."""


def log_event(event: Event) -> None:
    """The usual notify: a structured line an event."""
    structlog.get_logger("supervisor").info(f"child_{event.action}", child=event.child, **event.facts)


class Supervisor:
    """Runs children until told to stop by SIGINT, SIGTERM or SIGHUP; the second time it hurries.

    On Linux the children get their stop signal when this process dies, however it dies.
    """

    def __init__(
        self, children: Sequence[Child], *, output: Output, notify: Callable[[Event], None] = log_event
    ) -> None:
        self._lives = [_Life(child) for child in children]
        self._output = output
        self._notify = notify
        self._selector = selectors.DefaultSelector()
        self._asked_to_stop: list[float] = []
        self._failure: ChildFailed | None = None

    def run(self) -> None:
        """Returns when everything has stopped as asked; raises ChildFailed when a child never got going. Main thread only."""
        with self._signals():
            try:
                while self._advance():
                    self._wait(self._next_look())
            finally:
                for life in reversed(self._lives):
                    self._stop(life)
        if self._failure is not None:
            raise self._failure

    # ── up ──

    def _advance(self) -> bool:
        """Does what is due; False when it is time to stop."""
        if self._asked_to_stop:
            return False
        for life in self._in_reach():
            self._step(life, time.monotonic())
        return self._failure is None

    def _in_reach(self) -> Iterator[_Life]:
        """Those that were up once, and the first that was not: the others wait for it."""
        for life in self._lives:
            yield life
            if not life.was_up:
                return

    def _step(self, life: _Life, now: float) -> None:
        if life.process is None:
            if life.phase is _Phase.WAITING and now >= life.since:
                self._start(life, now)
        elif has_exited(life.process):
            self._bury(life, life.process)
        elif life.phase is _Phase.STARTING and not life.child.once:
            self._look_whether_ready(life, life.process, now)

    def _start(self, life: _Life, now: float) -> None:
        child = life.child
        try:
            child.before_start()
            life.process = spawn(
                child.argv,
                env=child.env,
                cwd=child.cwd,
                account=child.account,
                death_signal=child.stop_signal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except (CannotStart, OSError) as error:
            self._try_again(life, str(error))
            return
        life.phase, life.since = _Phase.STARTING, now
        self._listen_to(life, life.process)
        self._tell("started", life, pid=life.process.pid)

    def _look_whether_ready(self, life: _Life, process: subprocess.Popen[bytes], now: float) -> None:
        child = life.child
        if child.ready():
            self._tell("ready", life, pid=process.pid, seconds=round(now - life.since, 2))
            life.phase, life.since, life.was_up = _Phase.UP, now, True
        elif now - life.since > child.ready_within_s:
            self._tell("unready", life, pid=process.pid, seconds=round(now - life.since, 2))
            life.phase, life.since = _Phase.ENDING, now  # that it has ended is seen like any other end
            kill_group(process)

    def _bury(self, life: _Life, process: subprocess.Popen[bytes]) -> None:
        self._hear_out(life)
        life.process = None
        if life.child.once and process.returncode == 0:
            life.phase, life.was_up = _Phase.DONE, True
            self._tell("done", life, seconds=round(time.monotonic() - life.since, 2))
        else:
            self._try_again(life, _how_it_ended(process.returncode))

    def _try_again(self, life: _Life, reason: str) -> None:
        now = time.monotonic()
        if life.phase is _Phase.UP and now - life.since >= HEALTHY_S:
            life.failures = 0
        life.failures += 1
        if not life.was_up and life.failures >= life.child.attempts:
            self._failure = ChildFailed(life.child.name, life.failures, reason)
            self._tell("gave_up", life, reason=reason)
            return
        delay_s = back_off_s(life.failures)
        life.phase, life.since = _Phase.WAITING, now + delay_s
        self._tell("exited", life, reason=reason, again_in_s=delay_s)

    def _next_look(self) -> float | None:
        """When to look again if nothing is heard before, in monotonic seconds. Children's ends are heard (SIGCHLD)."""
        looks = []
        for life in self._in_reach():
            if life.phase is _Phase.WAITING:
                looks.append(life.since)
            elif life.phase is _Phase.STARTING and not life.child.once:
                looks.append(time.monotonic() + READY_POLL_S)
        return min(looks, default=None)

    # ── down ──

    def _stop(self, life: _Life) -> None:
        process = life.process
        if process is None:
            return
        hurried = self._is_hurried()
        self._tell("stopping", life, pid=process.pid)
        deadline = self._ask(life, process, hurried)
        while not has_exited(process):
            self._wait(deadline)
            if self._is_hurried() and not hurried:
                hurried = True
                deadline = self._ask(life, process, hurried)
            if time.monotonic() >= deadline and not has_exited(process):
                self._tell("killed", life, pid=process.pid)
                kill_group(process)
                deadline = time.monotonic() + HURRIED_GRACE_S
        self._hear_out(life)
        life.process = None
        self._tell("stopped", life, reason=_how_it_ended(process.returncode))

    def _ask(self, life: _Life, process: subprocess.Popen[bytes], hurried: bool) -> float:
        """Signals the child to end; returns by when it has to."""
        os.kill(process.pid, life.child.hurry_signal if hurried else life.child.stop_signal)
        return time.monotonic() + (min(HURRIED_GRACE_S, life.child.grace_s) if hurried else life.child.grace_s)

    def _is_hurried(self) -> bool:
        return bool(self._asked_to_stop) and self._asked_to_stop[-1] - self._asked_to_stop[0] > SAME_KEY_S

    # ── ears ──

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """While it lasts, signals wake the selector and do nothing else; under nohup, SIGHUP stays ignored."""
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        wanted = [one for one in STOP_SIGNALS if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
        before = {one: signal.signal(one, _heard) for one in (*wanted, signal.SIGCHLD)}
        fd_before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        self._selector.register(receiver, selectors.EVENT_READ)
        try:
            yield
        finally:
            signal.set_wakeup_fd(fd_before)
            for one, handler in before.items():
                signal.signal(one, handler)
            self._selector.close()
            receiver.close()
            sender.close()

    def _wait(self, until: float | None) -> None:
        """Until a signal, a line of a child, or the time."""
        for key, _ in self._selector.select(None if until is None else max(0.0, until - time.monotonic())):
            if isinstance(key.data, _Life):
                self._hear(key.data)
            elif isinstance(key.fileobj, socket.socket):
                self._asked_to_stop += [time.monotonic() for one in key.fileobj.recv(4096) if one in STOP_SIGNALS]

    def _listen_to(self, life: _Life, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        life.pipe = process.stdout.fileno()
        os.set_blocking(life.pipe, False)
        self._selector.register(life.pipe, selectors.EVENT_READ, life)

    def _hear(self, life: _Life) -> bool:
        """Passes on what the child has said; False when there is nothing more for now."""
        if life.pipe is None:
            return False
        try:
            heard = os.read(life.pipe, LONGEST_LINE)
        except BlockingIOError:
            return False
        if not heard:
            self._stop_listening(life)
            return False
        *lines, life.unfinished = (life.unfinished + heard).split(b"\n")
        if len(life.unfinished) >= LONGEST_LINE:
            lines, life.unfinished = [*lines, life.unfinished], b""
        for line in lines:
            self._output(life.child.name, line.decode(errors="replace").rstrip("\r"))
        return True

    def _hear_out(self, life: _Life) -> None:
        """The last words of a child that has ended; whoever else has its pipe speaks to nobody."""
        while self._hear(life):
            pass
        self._stop_listening(life)

    def _stop_listening(self, life: _Life) -> None:
        if life.unfinished:
            self._output(life.child.name, life.unfinished.decode(errors="replace"))
            life.unfinished = b""
        if life.pipe is not None:
            self._selector.unregister(life.pipe)
            life.pipe = None
        if life.process is not None and life.process.stdout is not None:
            life.process.stdout.close()

    def _tell(self, action: str, life: _Life, **facts: str | int | float) -> None:
        self._notify(Event(action, life.child.name, facts))


class _Phase(Enum):
    WAITING = auto()
    STARTING = auto()
    UP = auto()
    ENDING = auto()
    DONE = auto()


class _Life:
    """One child, through all its processes."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.pipe: int | None = None
        self.unfinished = b""
        self.phase = _Phase.WAITING
        self.since = 0.0
        """Monotonic seconds: of WAITING, when it may start; of the others, when they began."""
        self.was_up = False
        self.failures = 0


def back_off_s(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1]


def _how_it_ended(status: int) -> str:
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Only there so that the signal reaches the wake-up socket."""


# ── where children's words go ──


class Console:
    """One line each on a stream, the child's name before it. A stream that is gone is no reason to end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def __call__(self, name: str, line: str) -> None:
        with suppress(OSError):
            self._stream.write(f"{name:<8} | {line}\n")
            self._stream.flush()


class LogFiles:
    """A file a child in one directory, `<name>.log`, and three older ones of 5 MB each."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self._files: dict[str, _LogFile] = {}

    def __call__(self, name: str, line: str) -> None:
        if name not in self._files:
            self._files[name] = _LogFile(self.directory / f"{name}.log", maxBytes=5_000_000, backupCount=3, delay=True)
        self._files[name].emit(logging.makeLogRecord({"msg": line}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self._files.values():
            file.close()


class _LogFile(logging.handlers.RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """A full disk costs log lines, not the installation."""

    def close(self) -> None:
        with suppress(OSError):
            super().close()


# ── ports ──

# Where to knock on one's own door when it is open to all.
_TO_MYSELF: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up, not bound)


def probe_port(host: str, port: int, variable: str, *, patience_s: float = 2.0) -> None:
    """Makes sure that we can listen there, or raises PortTaken naming the variable that moves it.

    Waits a little: a predecessor that was killed may have children that are just leaving.
    """
    deadline = time.monotonic() + patience_s
    while reason := _why_not_bindable(host, port):
        if time.monotonic() >= deadline or reason != _TAKEN:
            raise PortTaken(host or "every address", port, variable, reason)
        time.sleep(0.05)


_TAKEN: Final = "is taken"
_REASONS: Final = {errno.EADDRINUSE: _TAKEN, errno.EACCES: "may not be used by this user"}


def _why_not_bindable(host: str, port: int) -> str | None:
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses:
            with socket.socket(family, kind, protocol) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(address)
    except OSError as error:
        return _REASONS.get(error.errno or 0, f"cannot be used ({error.strerror})")
    return None


def port_open(host: str, port: int) -> Callable[[], bool]:
    """For Child.ready: somebody listens there."""

    def is_open() -> bool:
        with suppress(OSError), socket.create_connection((_TO_MYSELF.get(host, host), port), timeout=1.0):
            return True
        return False

    return is_open


def answers_http(host: str, port: int, path: str) -> Callable[[], bool]:
    """For Child.ready: a GET is answered with 200."""

    def answers() -> bool:
        connection = http.client.HTTPConnection(_TO_MYSELF.get(host, host), port, timeout=1.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return answers
