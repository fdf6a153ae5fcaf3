"""Make an installation ready before its processes start: schema, static files, policy, and the demo county if asked for."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from lingxiu.config.environment import environment
from lingxiu.installation import PROGRESS_MARK
from lingxiu.keys import require_secrets
from lingxiu.policy.actions import load_at_start
from lingxiu.policy.models import Edition
from lingxiu.policy.reading import SHIPPED


def set_up(demo_merchants: int = 0) -> None:
    """Everything that must be true before the web answers. May be run again at every start: what is there stays."""
    advance("Database schema", 0, 1)
    call_command("migrate", interactive=False, verbosity=0)
    advance("Database schema", 1, 1)
    require_secrets(_fetch)
    collect_static_files()
    if environment().policy or not Edition.objects.exists() or settings.DEMO:
        load_at_start(environment().policy or SHIPPED, at=timezone.now())
    if demo_merchants:
        from lingxiu.demo.load import load as load_demo

        load_demo(merchants=demo_merchants, at=timezone.now(), advance=advance)


def _fetch(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def advance(what: str, done: int, total: int) -> None:
    """Tell the supervisor how far we are; it draws the bar."""
    sys.stdout.write(f"{PROGRESS_MARK}\t{what}\t{done}\t{total}\n")
    sys.stdout.flush()


def collect_static_files() -> None:
    """Copy, hash and compress the static files, unless those that lie there came from the same sources."""
    stamp = Path(settings.STATIC_ROOT) / ".from"
    digest = _digest_of_sources()
    if stamp.exists() and stamp.read_text() == digest:
        return
    advance("Static files", 0, 1)
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(digest)
    advance("Static files", 1, 1)


def _digest_of_sources() -> str:
    found = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            path = Path(storage.path(name))
            found.update(f"{name} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    return found.hexdigest()
