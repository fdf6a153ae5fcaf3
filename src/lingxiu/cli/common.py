"""What every command needs: the house awake, an error in one line, a bar while it takes long."""

from __future__ import annotations

import os
from collections.abc import Callable

import click


class Failed(click.ClickException):
    """The work failed; the message says why and what mends it."""

    exit_code = 1


def wake_django() -> None:
    """Make the house usable in this process: find the database (the embedded one's address if none is set), set Django up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lingxiu.config.settings")
    if not os.environ.get("DATABASE_URL"):
        from lingxiu.database import url_of
        from lingxiu.home import home

        url = url_of(home())
        if url is None:
            raise Failed(
                f"no database in {home()}: start the installation with `lingxiu up`, or name a server with DATABASE_URL="
            )
        os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    from django.utils import translation

    translation.activate("zh-hans" if os.environ.get("LANG", "").startswith("zh") else "en")


class progress:  # noqa: N801 (reads as a word in a `with`)
    """A progress bar: `advance(done, total)` as the work goes on."""

    def __init__(self, what: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), transient=True
        )
        self.task = self.bar.add_task(what, total=None)

    def __enter__(self) -> Callable[[int, int], None]:
        self.bar.start()
        return lambda done, total: self.bar.update(self.task, completed=done, total=total)

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()
