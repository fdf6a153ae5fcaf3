"""`/admin/`: only for those who manage accounts, and whatever they change is told in the journal."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from lingxiu.accounts.models import Post, Unit, User
from lingxiu.journal.models import Entry
from tests.cast import Cast

NEW_PASSWORD = "quiet-harbour-stone-9"


@pytest.fixture
def admin(cast: Cast, client: Client) -> Client:
    """The system administrator's browser; no superuser."""
    client.force_login(cast.administrator)
    return client


def told(kind: str) -> Entry:
    return Entry.objects.get(kind=kind)


def test_every_other_role_is_turned_away(cast: Cast, client: Client) -> None:
    for role, user in cast.by_role.items():
        client.force_login(user)
        opened = client.get("/admin/").status_code == 200
        assert opened == (role == "system_administrator"), role


def test_a_superuser_without_a_post_may_repair_things(cast: Cast, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", None, name="root"))
    assert client.get("/admin/accounts/user/").status_code == 200


def test_the_second_factor_stands_before_it(admin: Client, settings: Any) -> None:
    settings.OFFICER_TOTP = True
    assert admin.get("/admin/")["Location"].startswith("/sign-in/second-factor/")


@pytest.mark.parametrize("page", ["unit/", "unit/add/", "user/", "user/add/", "post/", "post/add/"])
def test_its_pages_open(admin: Client, page: str) -> None:
    assert admin.get(f"/admin/accounts/{page}").status_code == 200


def test_it_shows_neither_groups_nor_the_secrets_of_second_factors(cast: Cast, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", None, name="root"))
    page = client.get("/admin/").content.decode()
    assert "/admin/auth/group/" not in page
    assert "totpdevice" not in page
    assert client.get("/admin/otp_totp/totpdevice/").status_code == 404


def test_a_changed_unit_is_told(cast: Cast, admin: Client) -> None:
    unit = cast.grid
    fields = {"code": unit.code, "kind": unit.kind, "name": "第二网格", "parent": unit.parent_id,
              "town": unit.town, "grid": unit.grid, "active": "on"}  # fmt: skip
    assert admin.post(f"/admin/accounts/unit/{unit.pk}/change/", fields).status_code == 302
    entry = told("unit.changed")
    assert (entry.actor_id, entry.unit_id, entry.grid) == (cast.administrator.pk, unit.pk, unit.grid)
    assert len(entry.reference["fields"]) == 1
    assert "第二网格" not in str(entry.reference)


def test_a_new_person_must_choose_a_password_of_their_own(admin: Client) -> None:
    fields = {"username": "zhang", "name": "张三", "phone": "138 0013 8000", "usable_password": "true",
              "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}  # fmt: skip
    assert admin.post("/admin/accounts/user/add/", fields).status_code == 302
    person = User.objects.get(username="zhang")
    assert person.must_change_password
    assert list(User.objects.with_phone("13800138000")) == [person]
    entry = told("user.added")
    assert entry.subject_id == str(person.pk)
    assert "zhang" not in str(entry.reference)


def test_a_wrong_phone_is_named(admin: Client) -> None:
    fields = {"username": "zhang", "name": "张三", "phone": "12345", "usable_password": "false"}
    page = admin.post("/admin/accounts/user/add/", fields, headers={"accept-language": "en"}).content.decode()
    assert "“12345” does not" in page
    assert not User.objects.filter(username="zhang").exists()


def test_a_phone_is_not_shown_and_stays_when_left_empty(cast: Cast, admin: Client) -> None:
    User.objects.filter(pk=cast.leader.pk).update(phone="13800138000")
    page = admin.get(f"/admin/accounts/user/{cast.leader.pk}/change/").content.decode()
    assert "13800138000" not in page
    assert "138****8000" in page
    fields = {"username": "leader", "name": "新名", "phone": "", "is_active": "on"}
    assert admin.post(f"/admin/accounts/user/{cast.leader.pk}/change/", fields).status_code == 302
    cast.leader.refresh_from_db()
    assert (cast.leader.name, cast.leader.phone) == ("新名", "13800138000")


def test_a_password_set_for_somebody_must_be_changed_by_them(cast: Cast, admin: Client) -> None:
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "set-password": "1"}
    assert admin.post(f"/admin/accounts/user/{cast.leader.pk}/password/", fields).status_code == 302
    cast.leader.refresh_from_db()
    assert cast.leader.check_password(NEW_PASSWORD)
    assert cast.leader.must_change_password
    assert told("user.changed").subject_id == str(cast.leader.pk)


def test_an_administrator_cannot_make_or_become_a_superuser(cast: Cast, admin: Client) -> None:
    root = User.objects.create_superuser("root", None, name="root")
    fields = {"username": "leader", "name": "leader", "is_active": "on", "is_superuser": "on"}
    admin.post(f"/admin/accounts/user/{cast.leader.pk}/change/", fields)
    cast.leader.refresh_from_db()
    assert not cast.leader.is_superuser
    fields = {"usable_password": "true", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert admin.post(f"/admin/accounts/user/{root.pk}/password/", fields).status_code == 403
    root.refresh_from_db()
    assert not root.has_usable_password()


def test_a_lost_phone_is_mended_and_told(cast: Cast, admin: Client) -> None:
    TOTPDevice.objects.create(user=cast.leader, name="app")
    fields = {"action": "forget_second_factor", "_selected_action": [cast.leader.pk]}
    assert admin.post("/admin/accounts/user/", fields).status_code == 302
    assert not TOTPDevice.objects.exists()
    assert told("user.second_factor_forgotten").subject_id == str(cast.leader.pk)


def post_fields(cast: Cast, unit: Unit) -> dict[str, Any]:
    return {"user": cast.leader.pk, "role": "grid_member", "unit": unit.pk, "primary": "on", "certificate_no": "",
            "since_0": "2026-03-05", "since_1": "12:00:00", "until_0": "", "until_1": ""}  # fmt: skip


def test_a_post_is_given_where_the_role_belongs(cast: Cast, admin: Client) -> None:
    page = admin.post("/admin/accounts/post/add/", post_fields(cast, cast.town), headers={"accept-language": "en"})
    assert "this role is held at: grid" in page.content.decode()
    assert admin.post("/admin/accounts/post/add/", post_fields(cast, cast.grid)).status_code == 302
    post = Post.objects.get(user=cast.leader, role="grid_member")
    assert told("post.added").subject_id == str(post.pk)


@pytest.mark.parametrize("what", ["unit", "user", "post"])
def test_nothing_is_deleted(cast: Cast, admin: Client, what: str) -> None:
    row = {"unit": cast.grid, "user": cast.leader, "post": cast.leader.posts.get()}[what]
    assert admin.post(f"/admin/accounts/{what}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
