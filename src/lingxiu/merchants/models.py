"""Merchants and what is known of them: licences, facilities, care, codes, and what rooms above wrote down (`Standing`)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat, Lower, Replace
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import User
from lingxiu.china import pinyin
from lingxiu.policy.schema.roles import Sight
from lingxiu.privacy.cipher import blind_index
from lingxiu.privacy.fields import EncryptedField
from lingxiu.territory.models import Area

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class Status(models.TextChoices):
    OPEN = "open", _("open")
    PAUSED = "paused", _("paused")
    CLOSED = "closed", _("closed for good")


class Scale(models.TextChoices):
    """By reference stoves, GB 18483-2001 table 1."""

    LARGE = "large", _("large")
    MEDIUM = "medium", _("medium")
    SMALL = "small", _("small")

    @classmethod
    def of(cls, reference_stoves: float) -> Scale:
        """GB 18483-2001 table 1: from 6 reference stoves large, from 3 medium, below that small."""
        if reference_stoves >= 6:
            return cls.LARGE
        return cls.MEDIUM if reference_stoves >= 3 else cls.SMALL


class Source(models.TextChoices):
    """Where a fact of a dossier came from."""

    LICENCE = "licence", _("licence document")
    GRID_MEMBER = "grid_member", _("seen at the door")
    OWNER = "owner", _("told by the owner")
    OFFICER = "officer", _("entered by an officer")
    OTHER_SYSTEM = "other_system", _("another system")
    IMPORT = "import", _("imported list")


class MerchantQuerySet(models.QuerySet["Merchant"]):
    """Merchants, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> MerchantQuerySet:
        """The merchants whose dossier this person may open. The public face of any merchant is open to all."""
        authority: Authority = getattr(user, "authority", NOBODY)
        allowed = Q(pk__in=authority.merchant_ids) if authority.merchant_ids else Q(pk__in=[])
        for sight, post in authority.sight("merchants"):
            match sight:
                case Sight.COUNTY:
                    return self
                case Sight.TOWN:
                    allowed |= Q(town=post.town)
                case Sight.GRID:
                    allowed |= Q(grid=post.grid)
                case _:
                    pass
        return self.filter(allowed)


class Merchant(models.Model):
    """A place that cooks for others. `town` and `grid` are area codes of its position, kept beside the foreign key for lists.

    `sources` says for each field where its value came from and when: `{"address": {"source": "licence", "at": "…"}}`.
    `pinyin` holds every spelling of the name it can be found by (`china.pinyin.search_key`); `search` adds the numbers.
    """

    name = models.CharField(max_length=80)
    pinyin = models.CharField(max_length=300, default="", editable=False)
    initials = models.CharField(max_length=80, default="", editable=False)
    kind = models.CharField(max_length=30)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    uscc = models.CharField(max_length=18, default="", blank=True)
    licence_kind = models.CharField(max_length=30, default="")
    licence_no = models.CharField(max_length=40, default="", blank=True)
    licence_until = models.DateField(null=True, blank=True)
    legal_person = EncryptedField(default="", blank=True)
    phone = EncryptedField(default="", blank=True)
    phone_index = models.CharField(max_length=32, default="", blank=True, db_index=True)
    address = models.CharField(max_length=160)
    lng = models.FloatField()
    lat = models.FloatField()
    area = models.ForeignKey(Area, null=True, on_delete=models.PROTECT, related_name="+")
    town = models.CharField(max_length=12, default="", db_index=True)
    grid = models.CharField(max_length=20, default="", db_index=True)
    in_built_up = models.BooleanField(default=True)
    scale = models.CharField(max_length=8, choices=Scale, default=Scale.SMALL)
    reference_stoves = models.FloatField(default=1)
    seats = models.PositiveIntegerField(null=True, blank=True)
    floor_area_m2 = models.FloatField(null=True, blank=True)
    opened_on = models.DateField(null=True, blank=True)
    opens_at = models.TimeField(null=True, blank=True)
    closes_at = models.TimeField(null=True, blank=True)
    sources = models.JSONField(default=dict)
    synthetic = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    search = models.GeneratedField(
        expression=Lower(
            Concat(
                "pinyin",
                Value(" "),
                Replace("name", Value(" "), Value("")),
                Value(" "),
                "licence_no",
                Value(" "),
                "uscc",
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    objects = MerchantQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["licence_kind", "licence_no"], condition=~Q(licence_no=""), name="merchant_licence_once"
            ),
            models.CheckConstraint(
                condition=Q(lng__gte=73, lng__lte=136, lat__gte=3, lat__lte=54), name="merchant_in_china"
            ),
            models.CheckConstraint(condition=Q(reference_stoves__gte=0), name="merchant_stoves_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["name"], name="merchant_name"),
            models.Index(fields=["licence_no"], name="merchant_licence_no", condition=~Q(licence_no="")),
            models.Index(fields=["initials", "id"], name="merchant_initials"),
            models.Index(fields=["town", "initials", "id"], name="merchant_town_initials"),
            models.Index(fields=["grid", "initials", "id"], name="merchant_grid_initials"),
        ]

    def __str__(self) -> str:
        return self.name

    def derive(self) -> None:
        """Bring the columns that follow from others in line: what is found by and what is searched by."""
        self.phone_index = blind_index(self.phone)
        self.pinyin = pinyin.search_key(self.name)[:300]
        self.initials = pinyin.initials(self.name)[:80]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.derive()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "phone_index", "pinyin", "initials"}
        super().save(*args, **kwargs)


class Standing(models.Model):
    """One row a merchant: what rooms above say of it. Each column is written by the room that owns it, read by everybody.

    fume_level, fume_score, fume_coverage: rating · open_issues, last_issue_at: issues · open_alarms, device_state,
    last_reading_at: sensing · last_visit_at: merchants, from visits; issues, when one is handled there · stars: rating,
    when it gives them.
    """

    class DeviceState(models.TextChoices):
        NONE = "none", _("no device")
        ONLINE = "online", _("online")
        OFFLINE = "offline", _("offline")
        MAINTENANCE = "maintenance", _("under maintenance")

    merchant = models.OneToOneField(Merchant, primary_key=True, on_delete=models.CASCADE, related_name="standing")
    fume_level = models.PositiveSmallIntegerField(null=True)
    fume_score = models.FloatField(null=True)
    fume_coverage = models.FloatField(null=True)
    stars = models.PositiveSmallIntegerField(null=True)
    open_issues = models.PositiveIntegerField(default=0)
    last_issue_at = models.DateTimeField(null=True)
    open_alarms = models.PositiveIntegerField(default=0)
    device_state = models.CharField(max_length=12, choices=DeviceState, default=DeviceState.NONE)
    last_reading_at = models.DateTimeField(null=True)
    last_visit_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(fume_level=None) | Q(fume_level__gte=1, fume_level__lte=3), name="standing_level_1_to_3"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["fume_level"], name="standing_level"),
            models.Index(fields=["device_state"], name="standing_device"),
        ]

    def __str__(self) -> str:
        return f"standing of {self.merchant_id}"


class Licence(models.Model):
    """A food licence of the county's register. One without a merchant has no dossier yet: that is what coverage counts."""

    kind = models.CharField(max_length=30)
    number = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=160, default="")
    valid_until = models.DateField(null=True)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.SET_NULL, related_name="licences")
    synthetic = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "number"], name="licence_once")]

    def __str__(self) -> str:
        return self.number


class Facility(models.Model):
    """A hood, purifier, fan, grease trap, bin … of a merchant."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="facilities")
    kind = models.CharField(max_length=30)
    maker = models.CharField(max_length=60, default="", blank=True)
    model = models.CharField(max_length=60, default="", blank=True)
    installed_on = models.DateField(null=True, blank=True)
    capacity = models.CharField(max_length=60, default="", blank=True)
    removed_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.merchant_id}"


class CareRecord(models.Model):
    """Something was cleaned, emptied or handed over, on a day, by somebody; kept two years at least (JX §8)."""

    class Kind(models.TextChoices):
        PURIFIER = "purifier_cleaned", _("purifier cleaned")
        TRAP = "trap_emptied", _("grease trap emptied")
        WASTE = "waste_handed_over", _("kitchen waste handed over")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="care")
    kind = models.CharField(max_length=20, choices=Kind)
    on = models.DateField()
    by = models.CharField(max_length=80, default="", blank=True)
    kg = models.FloatField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.BigIntegerField(null=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kg=None) | Q(kg__gt=0), name="care_kg_positive"),
        ]
        indexes: ClassVar = [models.Index(fields=["merchant", "kind", "-on"], name="care_latest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.on}"


class Visit(models.Model):
    """Somebody came to the door: to remind, to help, to look. A visit is no inspection (国办发〔2024〕54号)."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="visits")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    words = models.TextField(default="", max_length=2000, blank=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["merchant", "-at"], name="visit_latest")]

    def __str__(self) -> str:
        return f"visit of {self.at:%Y-%m-%d}"


def new_token() -> str:
    """128 random bits as 22 letters, digits, dashes: not guessed in the life of the county, and worthless unless we know it."""
    return secrets.token_urlsafe(16)


class Code(models.Model):
    """A QR code of a merchant. Re-issuing revokes the old one, which then says so instead of opening."""

    token = models.CharField(max_length=32, unique=True, default=new_token)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="codes")
    issued_at = models.DateTimeField()
    issued_by = models.BigIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_why = models.CharField(max_length=120, default="", blank=True)
    printed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merchant"], condition=Q(revoked_at=None), name="code_one_valid_a_merchant"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("issued_at")), name="code_revoked_after_issue"
            ),
        ]

    def __str__(self) -> str:
        return self.token
