"""Who holds what: appointed where the role belongs, handed over without a gap, found by those who route issues."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from lingxiu.accounts.actions import (
    Appointment,
    KnownOtherwise,
    PersonDisabled,
    WrongUnit,
    appoint,
    bind,
    end_post,
    hand_over,
    unbind,
)
from lingxiu.accounts.models import Bond, Post, User
from lingxiu.accounts.queries import bonds_of, holder_of, members, names, people_in
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from tests.cast import Cast, person

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=30)


def newcomer() -> User:
    return User.objects.create_user("newcomer", None, name="新人")


def test_a_role_is_held_only_where_it_belongs(cast: Cast) -> None:
    with pytest.raises(WrongUnit) as caught:
        appoint(newcomer(), Appointment("grid_member", cast.town), at=NOON, by=None)
    assert caught.value.allowed == ("grid",)


def test_the_cast_holds_its_posts_where_they_belong(cast: Cast) -> None:
    roles = {role.id: role for role in in_force().catalogues.roles}
    posts = Post.objects.select_related("unit")
    assert [str(post) for post in posts if post.unit.kind not in roles[post.role].held_at] == []


def test_a_grid_changes_hands_without_a_moment_in_between(cast: Cast) -> None:
    old, new = cast.grid_member, newcomer()
    hand_over(old.posts.get(), new, at=LATER, by=cast.county_officer.pk)
    assert holder_of(cast.grid.code, LATER - timedelta(seconds=1)) == old
    assert holder_of(cast.grid.code, LATER) == new
    ended, begun = Entry.objects.filter(subject_kind="post").order_by("id")
    assert (ended.kind, begun.kind) == ("post.ended", "post.begun")
    assert begun.grid == cast.grid.code
    assert begun.actor_id == cast.county_officer.pk


def test_nothing_is_lost_of_who_held_it_before(cast: Cast) -> None:
    post = cast.grid_member.posts.get()
    end_post(post, at=LATER, by=None)
    end_post(post, at=LATER + timedelta(days=1), by=None)
    post.refresh_from_db()
    assert post.until == LATER
    assert Entry.objects.filter(kind="post.ended").count() == 1


def test_a_stand_in_comes_after_whose_first_post_it_is(cast: Cast) -> None:
    stand_in = newcomer()
    appoint(stand_in, Appointment("grid_member", cast.grid, primary=False), at=NOON - timedelta(days=400), by=None)
    assert people_in("grid_member", cast.grid, NOON) == [cast.grid_member, stand_in]
    assert holder_of(cast.grid.code, NOON) == cast.grid_member
    end_post(cast.grid_member.posts.get(), at=NOON, by=None)
    assert holder_of(cast.grid.code, NOON) == stand_in


def test_who_left_the_service_holds_nothing(cast: Cast) -> None:
    User.objects.filter(pk=cast.grid_member.pk).update(is_active=False)
    assert holder_of(cast.grid.code, NOON) is None


@pytest.mark.parametrize("grid", ["", "33042199900101"])
def test_a_grid_nobody_knows_has_no_holder(cast: Cast, grid: str) -> None:
    assert holder_of(grid, NOON) is None


def test_everybody_at_a_unit_is_named_once(cast: Cast) -> None:
    both = person("both", "county_officer", cast.county_office)
    appoint(both, Appointment("assessor", cast.county_office), at=NOON, by=None)
    assert members(cast.county_office, NOON).count(both) == 1


def test_names_come_in_one_query(cast: Cast, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]  # a fixture of pytest-django
        found = names([cast.leader.pk, cast.owner.pk, None])
    assert found == {cast.leader.pk: "leader", cast.owner.pk: "owner"}


# ── who answers for a shop ──


def test_a_phone_bound_at_the_door_becomes_an_owner(cast: Cast) -> None:
    bond = bind("13700000001", "王小明", cast.merchant.pk, Bond.Kind.OWNER, at=NOON, by=cast.grid_member.pk)
    assert bond.user.authority.merchant_ids == {cast.merchant.pk}
    assert not bond.user.has_usable_password()
    assert not bond.user.authority.is_officer
    assert "13700000001" not in bond.user.username


def test_one_person_may_have_several_shops_and_a_shop_several_people(cast: Cast) -> None:
    for merchant in (cast.merchant, cast.other_merchant, cast.merchant):
        bind("13700000001", "王小明", merchant.pk, Bond.Kind.OWNER, at=NOON, by=None)
    person_ = User.objects.with_phone("13700000001").get()
    assert person_.authority.merchant_ids == {cast.merchant.pk, cast.other_merchant.pk}
    owners = [bond.user for bond in bonds_of(cast.merchant.pk) if bond.kind == Bond.Kind.OWNER]
    assert owners == [cast.owner, person_]


def test_a_bond_that_ended_opens_nothing(cast: Cast) -> None:
    bond = cast.owner.bonds.get()
    unbind(bond, at=NOON, by=None)
    unbind(bond, at=LATER, by=None)
    assert User.objects.get(pk=cast.owner.pk).authority.merchant_ids == frozenset()
    assert Entry.objects.get(kind="bond.ended").merchant_id == cast.merchant.pk


def test_an_officers_phone_makes_a_person_of_its_own_when_bound_to_a_shop(cast: Cast) -> None:
    """An officer who also owns a shop answers for it as an owner, not with an officer's rights."""
    cast.grid_member.phone = "13700000003"
    cast.grid_member.save()
    with pytest.raises(KnownOtherwise):
        bind("13700000003", "网格员家的店", cast.merchant.pk, Bond.Kind.OWNER, at=NOON, by=cast.other_grid_member.pk)
    assert not Bond.objects.filter(made_at=NOON).exists()
    bond = bind("13700000003", "网格员家的店", cast.merchant.pk, Bond.Kind.OWNER, at=NOON, by=None, confirmed=True)
    assert bond.user != cast.grid_member
    assert not bond.user.authority.is_officer


@pytest.mark.parametrize("role", ["cleaning_company", "waste_hauler"])
def test_who_serves_shops_owns_none_until_the_town_or_the_county_says_so(cast: Cast, role: str) -> None:
    company = cast.by_role[role]
    with pytest.raises(KnownOtherwise):
        bind(company.phone, "x", cast.merchant.pk, "owner", at=NOON, by=cast.grid_member.pk)
    assert not company.authority.may("shop.answer")
    bind(company.phone, "x", cast.other_merchant.pk, role, at=NOON, by=cast.other_grid_member.pk)


def test_an_owner_may_be_bound_to_another_shop_at_its_door(cast: Cast) -> None:
    bond = bind(cast.owner.phone, "x", cast.other_merchant.pk, "owner", at=NOON, by=cast.other_grid_member.pk)
    assert bond.user == cast.owner


def test_who_was_disabled_is_not_let_in_again_at_a_door(cast: Cast) -> None:
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    with pytest.raises(PersonDisabled):
        bind(cast.owner.phone, "x", cast.merchant.pk, "owner", at=NOON, by=None)


def test_a_number_that_changed_hands_makes_somebody_new(cast: Cast) -> None:
    first = bind("13900001111", "王", cast.merchant.pk, "owner", at=NOON, by=None).user
    first.phone = "13900002222"
    first.save()
    assert bind("13900001111", "李", cast.merchant.pk, "owner", at=LATER, by=None).user != first


def test_a_cleaner_who_is_bound_as_owner_is_an_owner_too(cast: Cast) -> None:
    cleaner = cast.cleaning_company
    bond = bind(cleaner.phone, "x", cast.other_merchant.pk, "owner", at=NOON, by=cast.county_officer.pk, confirmed=True)
    assert bond.user == cleaner
    assert set(cleaner.posts.values_list("role", flat=True)) == {"cleaning_company", "owner"}
    bind(cleaner.phone, "x", cast.merchant.pk, "owner", at=LATER, by=None)
    assert cleaner.posts.count() == 2


def test_who_was_an_owner_once_is_the_same_person_when_bound_again(cast: Cast) -> None:
    first = bind("13900001111", "王", cast.merchant.pk, "owner", at=NOON, by=None)
    unbind(first, at=NOON + timedelta(days=1), by=None)
    end_post(first.user.posts.get(), at=NOON + timedelta(days=1), by=None)
    assert bind("13900001111", "王", cast.merchant.pk, "owner", at=LATER, by=None).user == first.user


@pytest.mark.django_db(transaction=True)
def test_two_who_bind_a_new_phone_at_once_make_one_person() -> None:
    def one(merchant_id: int) -> int:
        try:
            return bind("13900001111", "王", merchant_id, "owner", at=NOON, by=None).user_id
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(one, [1, 1, 2, 3]))) == 1
    assert User.objects.get().bonds.count() == 3
