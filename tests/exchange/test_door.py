"""Who comes in: a key that is known, for what it was given, so often a minute. A session opens nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner
from django.test import Client

from lingxiu.exchange.keys import SCOPES, KeyUnknown, ScopesUnknown, new_key, revoke_key
from lingxiu.exchange.models import Key
from lingxiu.exchange.v1.api import document, operations, scopes_of_operations
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.exchange.world import fields_at_fault, system
from tests.issues.world import LATER

ALL_SCOPES = tuple(SCOPES)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_told_once_and_kept_as_a_hash(cast: Cast) -> None:
    key, secret = new_key("四平台", cast.county_officer, ["issues.read"], at=NOON, by=cast.administrator.pk)
    row = Key.objects.get(pk=key.pk)
    assert secret not in "".join(str(value) for value in vars(row).values())
    assert secret.startswith(row.hint)
    entry = Entry.objects.get(kind="key.made")
    assert entry.actor_id == cast.administrator.pk
    assert secret not in str(entry.reference)


def test_a_key_is_for_something_that_exists(cast: Cast) -> None:
    with pytest.raises(ScopesUnknown, match=r"issues\.all"):
        new_key("x", cast.leader, ["issues.read", "issues.all"], at=NOON)
    with pytest.raises(ScopesUnknown, match="no scope"):
        new_key("x", cast.leader, [], at=NOON)


@pytest.mark.parametrize("by", ["pk", "hint"])
def test_a_key_that_was_taken_back_opens_nothing(cast: Cast, by: str) -> None:
    other = system(cast.county_officer, "issues.read")
    assert other.get("/api/v1/issues").status_code == 200
    revoke_key(str(getattr(other.key, by)), at=LATER)
    answer = other.get("/api/v1/issues")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    with pytest.raises(KeyUnknown):
        revoke_key(str(getattr(other.key, by)), at=LATER)


def test_a_key_of_somebody_who_left_opens_nothing(cast: Cast) -> None:
    other = system(cast.county_officer, "issues.read")
    cast.county_officer.is_active = False
    cast.county_officer.save()
    assert other.get("/api/v1/issues").status_code == 401


def test_keys_are_made_listed_and_revoked_by_the_command_line(cast: Cast) -> None:
    from lingxiu.cli import main

    type_in = CliRunner()
    made = type_in.invoke(main, ["key", "new", "四平台", "--for", "county", "--scope", "issues.read"])
    assert made.exit_code == 0, made.output
    secret = made.output.split()[-1]
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/issues").status_code == 200
    key = Key.objects.get()
    listed = type_in.invoke(main, ["key", "list"]).output
    assert key.hint in listed
    assert "issues.read" in listed
    assert secret not in listed
    assert type_in.invoke(main, ["key", "revoke", key.hint]).exit_code == 0
    assert type_in.invoke(main, ["key", "revoke", key.hint]).exit_code == 1
    assert type_in.invoke(main, ["key", "new", "x", "--for", "nobody", "--scope", "issues.read"]).exit_code == 1
    wrong = type_in.invoke(main, ["key", "new", "x", "--for", "county", "--scope", "everything"])
    assert wrong.exit_code == 2


# ── the door ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_operation_needs_a_key_with_a_scope_that_exists() -> None:
    """Deny by default: an operation without a lock fails here."""
    scopes = scopes_of_operations()
    assert {operation["operationId"] for _p, _m, operation in operations(document())} == set(scopes)
    for named, wanted in scopes.items():
        assert wanted, named
        assert set(wanted) <= set(SCOPES), named


def paths() -> list[tuple[str, str]]:
    values = {"merchant_id": "1", "number": "2026030500001", "source": "12345", "own_number": "A1"}
    found = []
    for path, method, _operation in operations(document()):
        found.append((method, path.replace("{", "%(").replace("}", ")s") % values))
    return found


@pytest.mark.parametrize(("method", "path"), paths())
def test_nobody_comes_in_without_a_key_of_that_scope(method: str, path: str, cast: Cast) -> None:
    session = Client()
    session.force_login(cast.county_officer)
    for client in (Client(), session):
        answer = getattr(client, method)(path)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"
        assert fields_at_fault(answer) == []
    for header in ("Bearer lx_wrong", "Basic Y291bnR5OnB3", "Bearer", "Bearer \udcff", "lx"):
        assert getattr(Client(headers={"authorization": header}), method)(path).status_code == 401
    closed = system(cast.county_officer, "open311")
    refused = closed.get(path) if method == "get" else getattr(closed, method)(path, {})
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("#scope-missing")  # type: ignore[attr-defined]  # Django's test response


def test_a_key_may_knock_so_often_a_minute(cast: Cast) -> None:
    other = system(cast.county_officer, "issues.read", each_minute=3)
    with time_machine.travel(LATER + timedelta(seconds=20), tick=False):
        left = [other.get("/api/v1/issues")["RateLimit-Remaining"] for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = other.get("/api/v1/issues")
        assert refused.status_code == 429
        assert refused["Retry-After"] == refused["RateLimit-Reset"] == "40"
        assert refused["RateLimit-Limit"] == "3"
    with time_machine.travel(LATER + timedelta(seconds=61), tick=False):
        assert other.get("/api/v1/issues")["RateLimit-Remaining"] == "2"
    assert Key.objects.get().last_used_at == LATER + timedelta(seconds=61)


def test_what_is_not_there_and_what_is_not_done_are_problems(cast: Cast) -> None:
    other = system(cast.county_officer, *ALL_SCOPES)
    assert fields_at_fault(other.get("/api/v1/nothing")) == []
    assert fields_at_fault(other.get("/api/v1/issues/2026030599999")) == []
    answer = Client(headers={"authorization": f"Bearer {other.secret}"}).delete("/api/v1/issues")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, POST" or answer["Allow"] == "POST, GET"
    assert fields_at_fault(answer) == []


def test_problems_are_told_in_the_readers_language(cast: Cast) -> None:
    zh = Client(headers={"accept-language": "zh-hans"}).get("/api/v1/issues").json()
    en = Client(headers={"accept-language": "en"}).get("/api/v1/issues").json()
    assert zh["type"] == en["type"]
    assert any("一" <= character <= "鿿" for character in zh["title"] + zh["detail"])
    assert (zh["title"] + en["title"]).isascii() is False
    assert en["title"].isascii()


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b'"x"', b"1e999"])
def test_what_is_no_json_object_is_the_senders_mistake(body: bytes, cast: Cast) -> None:
    other = system(cast.county_officer, *ALL_SCOPES)
    for path in ("/api/v1/issues", "/api/v1/reports", "/api/v1/issues/2026030500001/moves"):
        client = Client(headers={"authorization": f"Bearer {other.secret}"})
        answer: Any = client.post(path, body, content_type="application/json")
        assert answer.status_code == 422, (path, answer.content)
        assert fields_at_fault(answer) != []


# ── described ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_description_is_open_and_needs_no_script(language: str, cast: Cast) -> None:
    client = Client(headers={"accept-language": language})
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "/api/v1/issues/{number}/moves" in text
    assert "https://" not in text.replace("https://www.w3.org", "")
    for script in text.split("<script")[1:]:
        assert "src=" in script.split(">")[0] or "application/json" in script.split(">")[0]
    told = client.get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.")
    assert "bearer" in str(told["components"]["securitySchemes"])
