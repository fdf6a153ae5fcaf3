"""One's own settings: password by the rules, type size, what one is here."""

from __future__ import annotations

import pytest
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.journal.models import Entry
from tests.cast import Cast

OLD, NEW = "wide-river-lantern-7", "quiet-harbour-stone-9"
EN = {"accept-language": "en"}


@pytest.fixture
def officer(cast: Cast, client: Client) -> User:
    """Signed in, with a password."""
    cast.county_officer.set_password(OLD)
    cast.county_officer.save()
    client.force_login(cast.county_officer)
    return cast.county_officer


def change(client: Client, old: str = OLD, new: str = NEW, again: str | None = None) -> str:
    fields = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    answer = client.post("/account/password/", fields, headers=EN)
    return "changed" if answer.status_code == 302 else answer.content.decode()


def test_a_changed_password_keeps_this_session_and_ends_the_others(officer: User, client: Client) -> None:
    elsewhere = Client()
    elsewhere.force_login(officer)
    assert change(client) == "changed"
    assert client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    officer.refresh_from_db()
    assert officer.check_password(NEW)
    assert Entry.objects.filter(kind="user.password_changed", actor_id=officer.pk).count() == 1


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("short-7", "at least 10 characters"),
        ("1234567890123", "entirely numeric"),
        ("password123", "too common"),
        ("the-county", "too similar"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(officer: User, client: Client, new: str, why: str) -> None:
    assert why in change(client, new=new)
    officer.refresh_from_db()
    assert officer.check_password(OLD)


def test_the_old_password_and_the_repetition_must_be_right(officer: User, client: Client) -> None:
    assert "old password" in change(client, old="wrong")
    assert "match" in change(client, again="other-harbour-stone-9")


def test_a_given_password_must_be_changed_before_anything_else(officer: User, client: Client) -> None:
    User.objects.filter(pk=officer.pk).update(must_change_password=True)
    answer = client.get("/account/")
    assert answer["Location"].startswith("/account/password/?next=")
    assert "of your own" in client.get(answer["Location"], headers=EN).content.decode()
    assert change(client) == "changed"
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize("address", ["/", "/complain/", "/pulse"])
def test_until_then_nothing_that_is_open_to_strangers_answers_as_this_person(
    officer: User, client: Client, address: str
) -> None:
    User.objects.filter(pk=officer.pk).update(must_change_password=True)
    assert client.get(address)["Location"].startswith("/account/password/")


def test_no_cache_keeps_what_a_signed_in_reader_saw(cast: Cast, client: Client) -> None:
    client.force_login(cast.dispatcher)
    for page in ("/issues/", "/merchants/", f"/merchants/{cast.merchant.pk}/", "/account/"):
        assert "no-store" in client.get(page)["Cache-Control"], page


def test_what_is_kept_to_be_asked_for_again_stays_so(cast: Cast, client: Client) -> None:
    client.force_login(cast.dispatcher)
    layer = client.get("/map/areas.geojson")
    assert layer.status_code == 200
    assert "no-store" not in layer.headers.get("Cache-Control", "")
    assert client.get("/map/areas.geojson", headers={"if-none-match": layer["ETag"]}).status_code == 304


def test_an_owner_has_no_password_to_change(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    assert client.get("/account/password/").status_code == 404
    assert "/account/password/" not in client.get("/account/").content.decode()


def test_big_type_is_remembered_for_the_person(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    client.post("/account/size/", {"size": "big", "next": "/account/"})
    cast.owner.refresh_from_db()
    assert cast.owner.elder_size
    other_phone = Client()
    other_phone.force_login(cast.owner)
    assert 'class="elder"' in other_phone.get("/account/").content.decode()
    client.post("/account/size/", {"size": "normal"})
    cast.owner.refresh_from_db()
    assert not cast.owner.elder_size


def test_the_page_masks_ones_own_phone(cast: Cast, client: Client) -> None:
    client.force_login(cast.owner)
    page = client.get("/account/").content.decode()
    assert cast.owner.phone not in page
    assert "****" in page
