"""Roles are data: every verb the code asks for is one that policy knows, and what a role may not, nobody in it can."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lingxiu.accounts.authority import NOBODY, HeldPost, authority_of
from lingxiu.accounts.models import User
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.policy.schema.roles import Sight
from tests.cast import Cast, person

SOURCE = Path(__file__).resolve().parents[2] / "src" / "lingxiu"
ASKED = re.compile(r"(?:\bmay|posts_that_may)\(\s*\"([a-z_]+\.[a-z_]+)\"")


def verbs_granted() -> set[str]:
    return {verb for role in read_folder(SHIPPED)[0].roles for verb in role.may}


def test_every_verb_the_code_asks_for_is_granted_to_some_role() -> None:
    asked = {verb for path in SOURCE.rglob("*.py") for verb in ASKED.findall(path.read_text(encoding="utf-8"))}
    assert asked - verbs_granted() == set()
    assert "accounts.manage" in asked


def test_grid_members_may_not_inspect() -> None:
    """国办发〔2024〕54号: inspections are for certified officers; a grid member visits, reminds, reports, helps."""
    for role in read_folder(SHIPPED)[0].roles:
        assert ("issues.inspect" in role.may) == role.certified
    assert not read_folder(SHIPPED)[0].role("grid_member").certified


@pytest.mark.parametrize("role", ["owner", "cleaning_company", "waste_hauler"])
def test_who_is_no_officer_sees_only_its_own_shops(role: str) -> None:
    row = read_folder(SHIPPED)[0].role(role)
    assert not row.officer
    assert row.merchants == Sight.OWN
    assert row.issues in {Sight.OWN, Sight.NONE}


def test_a_leader_reads_and_asks_and_does_nothing_else() -> None:
    assert read_folder(SHIPPED)[0].role("leader").may == ("issues.supervise",)


def test_only_those_who_dispatch_for_the_county_see_personal_data() -> None:
    """个人信息保护法 §28: as few as the work needs."""
    may = {role.id for role in read_folder(SHIPPED)[0].roles if "merchants.see_personal_data" in role.may}
    assert may == {"county_officer"}


def test_authority_is_the_sum_of_the_posts(cast: Cast) -> None:
    roles = in_force().catalogues
    posts = [
        HeldPost(roles.role("grid_member"), 1, "g", "grid", "330421001", "33042100100101"),
        HeldPost(roles.role("town_officer"), 2, "t", "town_team", "330421001", ""),
    ]
    both = authority_of(posts)
    assert both.may("merchants.visit")
    assert both.may("issues.inspect")
    assert both.is_certified
    assert both.farthest("issues") == Sight.TOWN
    assert both.front_door == "/collect/"
    assert [post.unit_code for post in both.posts_that_may("merchants.visit")] == ["g"]


def test_nobody_may_nothing() -> None:
    assert not NOBODY.may("issues.find")
    assert NOBODY.farthest("issues") == Sight.NONE
    assert NOBODY.front_door == "/"


def test_a_post_of_a_role_that_policy_dropped_opens_nothing(cast: Cast) -> None:
    user = person("relic", "leader", cast.county_office)
    user.posts.update(role="abolished")
    assert User.objects.get(pk=user.pk).authority.posts == ()


def test_an_inactive_person_is_nobody(cast: Cast) -> None:
    User.objects.filter(pk=cast.administrator.pk).update(is_active=False)
    assert User.objects.get(pk=cast.administrator.pk).authority == NOBODY
