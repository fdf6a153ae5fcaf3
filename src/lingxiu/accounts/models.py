"""Units, people, posts, and the codes owners sign in with."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority, HeldPost, authority_of
from lingxiu.policy.queries import in_force
from lingxiu.privacy.cipher import blind_index
from lingxiu.privacy.fields import EncryptedField


class UnitKind(models.TextChoices):
    """What a unit is. Grids hang below their town, teams beside them, departments below the county office."""

    COUNTY_OFFICE = "county_office", _("county office")
    DEPARTMENT = "department", _("department")
    TOWN = "town", _("town")
    TOWN_TEAM = "town_team", _("town team")
    GRID = "grid", _("grid")
    COMPANY = "company", _("company")


class Unit(models.Model):
    """A body that can be given an issue. `town` and `grid` are area codes, empty where the unit is wider than one."""

    code = models.CharField(_("code"), max_length=30, unique=True)
    kind = models.CharField(_("kind of unit"), max_length=16, choices=UnitKind)
    name = models.CharField(_("name"), max_length=60)
    parent = models.ForeignKey(
        "self", verbose_name=_("unit above"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    town = models.CharField(_("code of the town"), max_length=12, default="", blank=True, db_index=True)
    grid = models.CharField(_("code of the grid"), max_length=20, default="", blank=True, db_index=True)
    active = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering: ClassVar = ["code"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes people."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """A person who signs in by name and password; without a password nobody signs in that way."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save()
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """The system administrator of a new installation."""
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)

    def with_phone(self, phone: str) -> models.QuerySet[User]:
        """People with this phone number, which is stored encrypted."""
        return self.filter(phone_index=blind_index(phone), is_active=True)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. What they may do follows from the posts they hold (`authority`), never from this row."""

    username = models.CharField(_("user name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=60)
    phone = EncryptedField(_("mobile number"), default="", blank=True)
    phone_index = models.CharField(max_length=32, default="", blank=True, db_index=True)
    is_active = models.BooleanField(_("enabled"), default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(_("here since"), default=timezone.now)
    elder_size = models.BooleanField(_("big type"), default=False)
    must_change_password = models.BooleanField(_("must choose a password of their own"), default=False)
    synthetic = models.BooleanField(default=False)

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.phone_index = blind_index(self.phone)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "phone_index"}
        super().save(*args, **kwargs)

    @cached_property
    def authority(self) -> Authority:
        """What the posts held now allow. Read once a request: a user object does not outlive one."""
        if not self.is_active:
            return NOBODY
        catalogues = in_force().catalogues
        roles = {role.id: role for role in catalogues.roles}
        held = [
            HeldPost(roles[post.role], post.unit_id, post.unit.code, post.unit.kind, post.unit.town, post.unit.grid)
            for post in self.posts.filter(Post.held_at(timezone.now())).select_related("unit").order_by("id")
            if post.role in roles
        ]
        return authority_of(held, self.bonds.filter(ended_at=None).values_list("merchant_id", flat=True))

    @property
    def administers(self) -> bool:
        """Whether this person may open `/admin/`: who manages accounts, and whoever repairs an installation."""
        return self.is_active and (self.is_superuser or self.authority.may("accounts.manage"))

    @property
    def is_official(self) -> bool:
        """Whether this person works for the county: then they never sign in by phone, nor stay signed in when idle."""
        return self.authority.is_officer or self.administers


class Post(models.Model):
    """A person in a role at a unit, from and until. A hand-over ends one and begins another; nothing is deleted."""

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.PROTECT, related_name="posts")
    role = models.CharField(_("role"), max_length=40)
    unit = models.ForeignKey(Unit, verbose_name=_("unit"), on_delete=models.PROTECT, related_name="posts")
    certificate_no = models.CharField(_("certificate number"), max_length=30, default="", blank=True)
    primary = models.BooleanField(_("first post, no stand-in"), default=True)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until=None) | Q(until__gt=F("since")), name="post_ends_after_it_began"),
            models.UniqueConstraint(
                fields=["user", "role", "unit"], condition=Q(until=None), name="post_held_once_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.unit_id}"

    @staticmethod
    def held_at(at: Any) -> Q:
        """Posts that are held at this time."""
        return Q(since__lte=at) & (Q(until=None) | Q(until__gt=at))


class Absence(models.Model):
    """That somebody is away from one time to another, and who stands in for them meanwhile. Nobody is away twice at once:
    `absences.declare` looks under the lock of the person's row.
    """

    class Reason(models.TextChoices):
        LEAVE = "leave", _("leave")
        ILLNESS = "illness", _("illness")
        DUTY_ELSEWHERE = "duty_elsewhere", _("duty elsewhere")
        DAY_OFF = "day_off", _("off by the duty roster")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="absences")
    since = models.DateTimeField()
    until = models.DateTimeField()
    deputy = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=20, choices=Reason)
    declared_at = models.DateTimeField()
    declared_by = models.BigIntegerField(null=True)

    class Meta:
        ordering: ClassVar = ["since"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="absence_ends_after_it_began"),
            models.CheckConstraint(condition=~Q(deputy=F("user")), name="absence_deputy_is_somebody_else"),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "until"], name="absence_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.since:%Y-%m-%d}"

    @staticmethod
    def at(moment: Any) -> Q:
        """Absences that hold at this time."""
        return Q(since__lte=moment, until__gt=moment)


class DutyTurn(models.Model):
    """Who is on duty when (值班), for the county (a county office's unit), a town, or one unit of theirs. `rank`: who comes
    first, second …"""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    rank = models.PositiveSmallIntegerField(default=1)
    entered_by = models.BigIntegerField(null=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["since", "unit", "rank", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="turn_of_duty_lasts"),
            models.UniqueConstraint(fields=["unit", "person", "since"], name="turn_of_duty_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["unit", "until"], name="turn_of_duty_of_unit")]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.person_id} {self.since:%Y-%m-%d %H:%M}"


class Bond(models.Model):
    """Which shop a person answers for or serves: an owner with several shops, several phones a shop, a cleaning company.

    `merchant_id` is a plain id: merchants live upstairs.
    """

    class Kind(models.TextChoices):
        OWNER = "owner", _("owner")
        CLEANING_COMPANY = "cleaning_company", _("cleaning company")
        WASTE_HAULER = "waste_hauler", _("waste hauler")

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="bonds")
    merchant_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=20, choices=Kind)
    made_at = models.DateTimeField()
    made_by = models.BigIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "merchant_id", "kind"], condition=Q(ended_at=None), name="bond_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.merchant_id}"


class LoginCode(models.Model):
    """Six digits asked for a phone: good for a few minutes, a few tries, and once. A row, too, for a phone nobody has here.

    Who asked, from which network address, and the digits themselves lie here only as keyed hashes.
    """

    phone_index = models.CharField(max_length=32)
    address_index = models.CharField(max_length=32)
    code_hash = models.CharField(max_length=64)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["phone_index", "-sent_at"], name="login_code_of_phone"),
            models.Index(fields=["address_index", "-sent_at"], name="login_code_of_address"),
        ]

    def __str__(self) -> str:
        return f"code of {self.sent_at:%H:%M}"


class DemoMessage(models.Model):
    """What the demo shows at `/demo/sms/` in place of a text message. Only the demo writes it."""

    phone = EncryptedField()
    text = models.CharField(max_length=200)
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"message of {self.sent_at:%H:%M}"
