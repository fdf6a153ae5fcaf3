"""What the posts a person holds today let them see and do, as one plain value. No ORM, no clock.

Rooms build `visible_to(user)` and their tables of who may from this value alone; nothing is allowed that no role grants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lingxiu.policy.schema.roles import Role, Sight

_FROM_FAR_TO_NEAR = [Sight.COUNTY, Sight.TOWN, Sight.UNIT, Sight.GRID, Sight.OWN, Sight.NONE]


@dataclass(frozen=True, slots=True)
class HeldPost:
    """A post as far as authority is concerned: the role, and the unit it is held in with its place in the tree."""

    role: Role
    unit_id: int
    unit_code: str
    unit_kind: str
    town: str
    grid: str


@dataclass(frozen=True, slots=True)
class Authority:
    """The sum of a person's posts; `merchant_ids` are the shops an owner or a service company is bound to."""

    posts: tuple[HeldPost, ...] = ()
    merchant_ids: frozenset[int] = field(default_factory=frozenset)

    def may(self, verb: str) -> bool:
        """Whether any post grants this verb (`issues.dispatch`)."""
        return any(verb in post.role.may for post in self.posts)

    def posts_that_may(self, verb: str) -> list[HeldPost]:
        """The posts that grant this verb: where the person may use it."""
        return [post for post in self.posts if verb in post.role.may]

    @property
    def is_officer(self) -> bool:
        return any(post.role.officer for post in self.posts)

    @property
    def is_certified(self) -> bool:
        """Whether the person may make administrative inspections (国办发〔2024〕54号: grid members may not)."""
        return any(post.role.certified for post in self.posts)

    @property
    def unit_ids(self) -> frozenset[int]:
        return frozenset(post.unit_id for post in self.posts)

    def sight(self, room: str) -> list[tuple[Sight, HeldPost]]:
        """How far each post sees in this room (`issues` or `merchants`)."""
        return [(getattr(post.role, room), post) for post in self.posts]

    def farthest(self, room: str) -> Sight:
        """The widest sight among the posts."""
        seen = {sight for sight, _ in self.sight(room)}
        return next((sight for sight in _FROM_FAR_TO_NEAR if sight in seen), Sight.NONE)

    @property
    def towns(self) -> frozenset[str]:
        return frozenset(post.town for post in self.posts if post.town)

    @property
    def grids(self) -> frozenset[str]:
        return frozenset(post.grid for post in self.posts if post.grid)

    @property
    def front_door(self) -> str:
        """The page this person starts at: that of their first post."""
        return next((post.role.front_door for post in self.posts), "/")


NOBODY = Authority()


def authority_of(posts: Iterable[HeldPost], merchant_ids: Iterable[int] = ()) -> Authority:
    """The authority of these posts."""
    return Authority(tuple(posts), frozenset(merchant_ids))
