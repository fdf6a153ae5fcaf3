"""What people keep beside the record: views of the list under a name, notes of a unit to itself. Never an issue's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import Unit, User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def units_of(user: User | AnonymousUser) -> frozenset[int]:
    """The units in which this person holds an officer's post."""
    authority: Authority = getattr(user, "authority", NOBODY)
    return frozenset(post.unit_id for post in authority.posts if post.role.officer)


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    """Saved views, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> SavedViewQuerySet:
        """A person's own, and those shared with a unit of theirs. What a view shows is filtered by who looks, as ever."""
        return self.filter(Q(owner=user.pk) | Q(shared_with__in=units_of(user)))


class SavedView(models.Model):
    """A filter of the list under a name. `query`: as it stands in the address (`filters.Filter`)."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=500)
    shared_with = models.ForeignKey(Unit, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_view_once_a_name"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(query=""), name="saved_view_says_something"),
        ]
        indexes: ClassVar = [models.Index(fields=["shared_with"], name="saved_view_of_unit")]

    def __str__(self) -> str:
        return self.name


class PrivateNoteQuerySet(models.QuerySet["PrivateNote"]):
    """Private notes, as far as somebody may read."""

    def visible_to(self, user: User | AnonymousUser) -> PrivateNoteQuerySet:
        """Those of the person's own units; of issues that are not of a shop they answer for or serve."""
        authority: Authority = getattr(user, "authority", NOBODY)
        read = self.filter(unit__in=units_of(user))
        return read.exclude(issue__merchant__in=authority.merchant_ids) if authority.merchant_ids else read


class PrivateNote(models.Model):
    """What a unit notes on an issue for itself. Read by that unit alone; never printed, exported or told to anybody."""

    issue = models.ForeignKey("issues.Issue", on_delete=models.CASCADE, related_name="private_notes")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(max_length=2000)
    at = models.DateTimeField()
    submission = models.UUIDField(unique=True)

    objects = PrivateNoteQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(words=""), name="private_note_says_something")]
        indexes: ClassVar = [models.Index(fields=["issue", "unit"], name="private_note_of_unit")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.unit_id}"
