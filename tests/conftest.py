"""One throw-away PostgreSQL for the whole run (or `DATABASE_URL`'s server), one throw-away home, the shipped policy in force."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from django.conf import settings
from django.utils import translation
from playwright.sync_api import expect

# The same examples every time, so that a change is judged by what it changed; no deadline, for machines differ in
# speed. `HYPOTHESIS_PROFILE=search` looks at others.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# What a browser is to show comes when it comes: a loaded machine is no reason to fail.
expect.set_options(timeout=30_000)

_stack = ExitStack()
atexit.register(_stack.close)


def _prepare_environment() -> None:
    """Before Django reads its settings: a home of our own and a database to speak to.

    Each of xdist's workers has a server to itself: the journal is read up to the oldest transaction of the whole
    server, so that what another worker has open would hold it back.
    """
    own_server = "LINGXIU_TEST_HOME" in os.environ or not os.environ.get("DATABASE_URL")
    home = tempfile.mkdtemp(prefix="lingxiu-test-")
    _stack.callback(shutil.rmtree, home, ignore_errors=True)
    os.environ["LINGXIU_HOME"] = home
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lingxiu.config.settings")
    os.environ["LINGXIU_LOG_LEVEL"] = "ERROR"
    os.environ.pop("LINGXIU_DEMO", None)
    if own_server:
        from lingxiu.database import temporary_cluster

        os.environ["LINGXIU_TEST_HOME"] = home
        os.environ["DATABASE_URL"] = _stack.enter_context(temporary_cluster())


_prepare_environment()
django.setup()  # pytest-django finds Django configured, and the settings read the environment made above
# A worker that inherited this would have Django set up by pytest-django before its own database is made.
del os.environ["DJANGO_SETTINGS_MODULE"]

# Hashing and compressing static files is tried once, by the test that starts a whole installation.
settings.STORAGES = {
    **settings.STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
Path(settings.STATIC_ROOT).mkdir(exist_ok=True)

from lingxiu.issues import bulk_run  # noqa: E402 (models need Django configured)
from tests.cast import Cast, make_cast  # noqa: E402

# An order for many is done within its request here, however slow the machine; the test that hands it on says so itself.
bulk_run.IN_A_REQUEST_S = 120


@pytest.fixture(autouse=True)
def _policy_is_looked_for_again() -> Iterator[None]:
    from lingxiu.policy.queries import forget

    forget()
    yield
    forget()


@pytest.fixture(autouse=True)
def _the_county_speaks_its_language() -> Iterator[None]:
    """A page read in English, or a command run here, leaves its language to the thread: not to the test after it."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables, and in them the shipped policy: read once a run, not once a test."""
    with django_db_blocker.unblock():
        _load_the_shipped_policy()


def _load_the_shipped_policy() -> None:
    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import SHIPPED

    load(SHIPPED, at=datetime(2026, 1, 1, tzinfo=UTC))


WITH_DATABASE = ("live_server", "transactional_db", "django_db_reset_sequences", "db")


@pytest.fixture(autouse=True)
def _the_shipped_policy_is_in_force(request: pytest.FixtureRequest) -> None:
    """As in every installation. A transactional test empties all tables when it ends, so each test looks for itself."""
    wanted = [name for name in WITH_DATABASE if name in request.fixturenames]
    if request.node.get_closest_marker("django_db"):
        wanted.append("_django_db_helper")
    if not wanted:
        return
    request.getfixturevalue(wanted[0])
    from lingxiu.policy.models import Edition

    if not Edition.objects.exists():
        _load_the_shipped_policy()


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _files_of_this_test(settings: Any, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def cast(db: None) -> Cast:
    """Somebody in every role, two towns, two merchants."""
    return make_cast()


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
