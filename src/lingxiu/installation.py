"""`lingxiu up` and `lingxiu demo`: which processes make an installation, in which order, and what the operator is told.

The supervisor keeps them alive; a first child (`lingxiu ready-the-house`) migrates, loads policy and, in the demo, the county.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from lingxiu.children import CannotStart
from lingxiu.config.environment import Environment, environment
from lingxiu.database import as_child, hold, prepare
from lingxiu.home import home
from lingxiu.supervisor import Child, Event, LogFiles, Supervisor, answers_http, port_open, probe_port

PROGRESS_MARK = "@progress"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo was asked for."""

    merchants: int
    speed: float
    once: bool
    devices: bool


def run(demo: Demo | None = None) -> int:
    """Run the installation until told to stop. Returns the exit code."""
    settings = environment()
    screen = Console(stderr=True, highlight=False)
    try:
        with ExitStack() as stack:
            held = stack.enter_context(hold(home()))
            probe_port(settings.bind, settings.port, "PORT")
            probe_port(settings.bind, settings.hj212_port, "HJ212_PORT")
            children, url = [], settings.database_url
            if not url:
                screen.print("Preparing the database …")
                cluster = prepare(held)
                children, url = [as_child(cluster)], cluster.url
            log_files = stack.enter_context(LogFiles(home() / "logs"))
            told = stack.enter_context(_Told(screen, settings, demo, log_files))
            env = {**os.environ, "DATABASE_URL": url, "LINGXIU_HOME": str(home())}
            children += _children(settings, demo, env)
            told.last = children[-1].name
            Supervisor(children, output=told.line, notify=told.event).run()
    except CannotStart as error:
        screen.print(f"[red]{error}[/red]")
        return 1
    return 0


def _children(settings: Environment, demo: Demo | None, env: Mapping[str, str]) -> list[Child]:
    """The processes in the order they start; each waits until the one before is ready."""
    bind, port, hj212_port = settings.bind, settings.port, settings.hj212_port
    ready_words = ["ready-the-house", *(["--merchants", str(demo.merchants)] if demo else [])]
    children = [Child("setup", _words(*ready_words), env=env, once=True, attempts=1)]
    if demo and demo.once:
        return children
    children += [
        Child("web", web_arguments(), env=env, ready=answers_http(bind, port, "/healthz"), grace_s=15),
        Child("gateway", _words("gateway"), env=env, ready=port_open(bind, hj212_port), grace_s=15),
        *([Child("writer", _words("writer"), env=env, grace_s=15)] if settings.nats_url else []),
        *([Child("mqtt", _words("mqtt"), env=env, grace_s=15)] if settings.mqtt_url else []),
        Child("watch", _words("watch"), env=env),
        Child("worker", _words("worker"), env=env, grace_s=20),
    ]
    if demo and demo.devices:
        children.append(Child("devices", _words("simulate-demo", "--speed", str(demo.speed)), env=env))
    return children


def _words(*words: str) -> list[str]:
    return [sys.executable, "-m", "lingxiu.cli", *words]


def web_arguments() -> list[str]:
    """gunicorn with threads. Its master restarts workers; the supervisor restarts the master."""
    settings = environment()
    return [
        sys.executable,
        *("-m", "gunicorn", "lingxiu.config.wsgi:application"),
        *("--bind", f"{settings.bind}:{settings.port}"),
        *("--worker-class", "gthread"),
        *("--workers", str(settings.web_workers), "--threads", str(settings.web_threads)),
        *("--max-requests", "20000", "--max-requests-jitter", "2000"),
        *("--timeout", "60", "--graceful-timeout", "10", "--keep-alive", "5"),
        *("--log-level", "warning"),
    ]


class _Told:
    """What the operator sees: progress while the house is made ready, then where to go; the rest goes to log files."""

    def __init__(self, screen: Console, settings: Environment, demo: Demo | None, log_files: LogFiles) -> None:
        self.screen, self.settings, self.demo, self.log_files = screen, settings, demo, log_files
        self.last = ""
        self.bar = Progress(
            TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=screen
        )
        self.tasks: dict[str, TaskID] = {}
        self.serving = False

    def __enter__(self) -> _Told:
        return self

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()

    def line(self, child: str, line: str) -> None:
        """A child said something."""
        if line.startswith(PROGRESS_MARK):
            _, what, done, total = line.split("\t")
            self._progress(what, int(done), int(total))
            return
        self.log_files(child, line)
        if child == "setup":
            self.screen.print(line, markup=False)

    def event(self, event: Event) -> None:
        """A child changed its state."""
        facts = " ".join(f"{key}={value}" for key, value in event.facts.items())
        self.log_files("supervisor", f"{event.action} {event.child} {facts}")
        if event.action == "done":
            self.bar.stop()
            if self.demo and self.demo.once:
                os.kill(os.getpid(), signal.SIGTERM)  # what was asked for is done: stop the database in order
        if event.action == "ready" and event.child == self.last and not self.serving:
            self.serving = True
            self._say_where()
        elif self.serving and event.action in ("exited", "ready", "killed"):
            self.screen.print(f"{event.child}: {event.action} {facts}", markup=False)
        elif event.action == "stopping":
            self.screen.print(f"stopping {event.child}", markup=False)
        elif event.action in ("exited", "gave_up", "unready"):
            self.screen.print(f"{event.child}: {event.action} {facts} (see {home() / 'logs'})", markup=False)

    def _progress(self, what: str, done: int, total: int) -> None:
        if what not in self.tasks:
            self.bar.start()
            self.tasks[what] = self.bar.add_task(what, total=total)
        self.bar.update(self.tasks[what], completed=done, total=total)

    def _say_where(self) -> None:
        address = environment().base_url
        self.screen.print(f"\n[bold green]Lingxiu is ready:[/bold green] [bold]{address}/[/bold]")
        self.screen.print(f"HJ 212 devices dial {self.settings.bind}:{self.settings.hj212_port} · data in {home()}")
        if self.demo:
            self._say_who()
        self.screen.print("\nCtrl-C stops everything and keeps the data.", markup=False)

    def _say_who(self) -> None:
        from lingxiu.demo.signins import sign_ins

        self.screen.print("\nThe demo county: every merchant, person and value is synthetic. Sign in as", markup=False)
        for one in sign_ins():
            password = one.password or "(six digits)"
            width = 34 - sum(ord(character) > 0x2E80 for character in one.role_label)
            self.screen.print(
                f"  {one.role_label:<{width}} {one.username:<14} {password:<14} {one.where}", markup=False
            )
