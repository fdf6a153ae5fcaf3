"""In what relation somebody stands to an issue, from the posts they hold and who has it. Plain values, no ORM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lingxiu.accounts.authority import Authority, HeldPost
from lingxiu.issues.lifecycle import By, Level


@dataclass(frozen=True, slots=True)
class Held:
    """An issue as far as relations go.

    `handled_by`: who handled it since it was last opened, and who entered that for them. `parts`: unit id → person id of
    each open co-operating part. `taken_part`: units that have or had it, or a part of it. `on_duty`: whoever has it has it
    because they are on duty, for a unit that may not be theirs.
    """

    level: Level
    town: str
    lead_unit_id: int | None
    lead_person_id: int | None
    found_by_id: int | None
    handled_by: frozenset[int] = frozenset()
    parts: Mapping[int, int | None] = field(default_factory=dict)
    taken_part: frozenset[int] = frozenset()
    merchant_id: int | None = None
    on_duty: bool = False


def relations(user_id: int, authority: Authority, held: Held) -> frozenset[By]:
    """All relations of this person to the issue."""
    found: set[By] = set()
    dispatching = authority.posts_that_may("issues.dispatch")
    if any(_dispatches(post, held) for post in dispatching):
        found.add(By.DISPATCHER)
    if any(_dispatches(post, held) or _is_county(post) for post in dispatching) and user_id not in held.handled_by:
        found.add(By.CHECKER)
    if is_assignee(user_id, authority, held):
        found.add(By.ASSIGNEE)
    if parts_of(user_id, authority, held):
        found.add(By.COOPERATOR)
    if any(post.unit_id in held.taken_part for post in authority.posts_that_may("issues.inspect")):
        found.add(By.ENFORCER)
    if not found & {By.ASSIGNEE, By.DISPATCHER} and authority.may("issues.supervise"):
        found.add(By.LEADER)
    if held.merchant_id is not None and held.merchant_id in authority.merchant_ids:
        # an officer who answers for the shop is its owner here, and nothing else
        return frozenset({By.MERCHANT}) if authority.may("shop.answer") else frozenset()
    if found or held.found_by_id == user_id:
        found.add(By.PARTY)
    return frozenset(found)


def is_assignee(user_id: int, authority: Authority, held: Held) -> bool:
    """Whether it was given to this person, or to nobody in particular of a unit where this person may handle."""
    if held.lead_person_id not in (None, user_id):
        return False
    posts = authority.posts_that_may("issues.handle")
    stands_in = held.on_duty and held.lead_person_id == user_id
    return any(post.unit_id == held.lead_unit_id or (stands_in and post.town == held.town != "") for post in posts)


def parts_of(user_id: int, authority: Authority, held: Held) -> frozenset[int]:
    """The units whose open co-operating part this person may work on."""
    own = {post.unit_id for post in authority.posts_that_may("issues.handle")}
    return frozenset(unit for unit, person in held.parts.items() if unit in own and person in (None, user_id))


def _dispatches(post: HeldPost, held: Held) -> bool:
    """The town's room dispatches what grid and town handle, the county office what the county does."""
    if held.level is Level.COUNTY:
        return _is_county(post)
    return post.unit_kind == "town" and post.town == held.town


def _is_county(post: HeldPost) -> bool:
    return post.unit_kind == "county_office"
