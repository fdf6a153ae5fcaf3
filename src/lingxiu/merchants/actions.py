"""What is done with a merchant's dossier, facilities, care records and code. Never decides how good a merchant is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import CareRecord, Code, Facility, Licence, Merchant, Source, Standing, Visit
from lingxiu.territory.models import Area
from lingxiu.territory.queries import locate

# What people enter; all else follows from it.
FIELDS = (
    "name",
    "kind",
    "status",
    "licence_kind",
    "licence_no",
    "licence_until",
    "uscc",
    "legal_person",
    "phone",
    "address",
    "lng",
    "lat",
    "in_built_up",
    "scale",
    "reference_stoves",
    "seats",
    "floor_area_m2",
    "opened_on",
    "opens_at",
    "closes_at",
)


class OutsideCounty(Exception):
    """A position in no town of the county. `swapped`: it would be inside with longitude and latitude exchanged."""

    def __init__(self, lng: float, lat: float, *, swapped: bool) -> None:
        super().__init__(f"{lng}, {lat} lies outside the county")
        self.lng, self.lat, self.swapped = lng, lat, swapped


class LicenceTaken(Exception):
    """Another merchant has this licence number already. `holder`: which."""

    def __init__(self, number: str, holder: Merchant) -> None:
        super().__init__(f"licence {number} belongs to merchant {holder.pk}")
        self.number, self.holder = number, holder


class ChangedMeanwhile(Exception):
    """Somebody else saved the dossier after it was opened. `at`: when; `fields`: what differs from what is being saved."""

    def __init__(self, at: datetime, fields: list[str]) -> None:
        super().__init__(f"changed at {at:%H:%M}")
        self.at, self.fields = at, fields


# ── the dossier ──────────────────────────────────────────────────────────────────────────────────────────────────


def create(merchant: Merchant, *, source: Source, at: datetime, by: int | None) -> Merchant:
    """Open a dossier: the merchant in its town and grid, an empty standing, a code.

    Raises: OutsideCounty, LicenceTaken.
    """
    place(merchant)
    filled = [field for field in FIELDS if getattr(merchant, field) not in ("", None)]
    merchant.sources = _sourced({}, filled, source, at)
    merchant.created_at = merchant.updated_at = at
    with transaction.atomic():
        _save(merchant)
        Standing.objects.create(merchant=merchant)
        Code.objects.create(merchant=merchant, issued_at=at, issued_by=by)
        _link_licence(merchant)
        record(
            "merchant.created",
            "merchant",
            merchant.pk,
            at=at,
            actor_id=by,
            scope=scope_of(merchant),
            reference={"source": source},
        )
    return merchant


def update(
    merchant: Merchant, *, source: Source, at: datetime, by: int | None, seen_at: datetime | None = None
) -> list[str]:
    """Save what was changed of a dossier, with where it came from. Returns the names of the changed fields.

    Args:
        seen_at: when the dossier that was edited had last been changed; None where nobody looked at it before.
    Raises: OutsideCounty, LicenceTaken, ChangedMeanwhile.
    """
    place(merchant)
    with transaction.atomic():
        stored = Merchant.objects.select_for_update().get(pk=merchant.pk)
        changed = [field for field in FIELDS if getattr(stored, field) != getattr(merchant, field)]
        if seen_at is not None and stored.updated_at != seen_at:
            raise ChangedMeanwhile(stored.updated_at, changed)
        if not changed:
            return []
        merchant.sources = _sourced(stored.sources, changed, source, at)
        merchant.updated_at = at
        _save(merchant, {*changed, "area", "town", "grid", "sources", "updated_at"})
        if {"licence_no", "licence_kind"} & set(changed):
            _link_licence(merchant)
        record(
            "merchant.updated",
            "merchant",
            merchant.pk,
            at=at,
            actor_id=by,
            scope=scope_of(merchant),
            reference={"fields": changed, "source": source},
        )
    return changed


def place(merchant: Merchant) -> None:
    """Put a merchant into the town and grid it stands in. Raises OutsideCounty."""
    found = locate(merchant.lng, merchant.lat)
    if not found.town:
        swapped = bool(locate(merchant.lat, merchant.lng).town)
        raise OutsideCounty(merchant.lng, merchant.lat, swapped=swapped)
    merchant.town, merchant.grid = found.town, found.grid
    merchant.area = Area.objects.filter(code=found.grid or found.town).first()


def scope_of(merchant: Merchant) -> Scope:
    """Whom what happens to this merchant concerns."""
    return Scope(town=merchant.town, grid=merchant.grid, merchant_id=merchant.pk)


def see_personal_data(merchant: Merchant, *, at: datetime, by: int, issue: str = "") -> None:
    """Note that somebody looked at the name and number behind the stars; `issue`: to call about this one."""
    with transaction.atomic():
        record(
            "personal_data.seen", "merchant", merchant.pk, at=at, actor_id=by, scope=scope_of(merchant),
            reference={"issue": issue} if issue else {},
        )  # fmt: skip


def _sourced(
    sources: dict[str, dict[str, str]], fields: Iterable[str], source: Source, at: datetime
) -> dict[str, dict[str, str]]:
    return {**sources, **{field: {"source": str(source), "at": at.isoformat()} for field in fields}}


def _save(merchant: Merchant, fields: set[str] | None = None) -> None:
    """Save; a licence that somebody else has is named, also when two come at once. Raises LicenceTaken."""
    _refuse_taken(merchant)
    try:
        with transaction.atomic():
            merchant.save(update_fields=fields)
    except IntegrityError as error:
        if "merchant_licence_once" in str(error):
            _refuse_taken(merchant)
        raise


def _refuse_taken(merchant: Merchant) -> None:
    if not merchant.licence_no:
        return
    same = Merchant.objects.filter(licence_kind=merchant.licence_kind, licence_no=merchant.licence_no)
    if (holder := same.exclude(pk=merchant.pk).first()) is not None:
        raise LicenceTaken(merchant.licence_no, holder)


def _link_licence(merchant: Merchant) -> None:
    """Say in the county's register of licences that this one has a dossier."""
    if merchant.licence_no:
        Licence.objects.filter(kind=merchant.licence_kind, number=merchant.licence_no).update(merchant=merchant)


# ── facilities and care ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Care:
    """Something that was cleaned, emptied or handed over: on which day, by whom, how much."""

    kind: CareRecord.Kind
    on: date
    by: str = ""
    kg: float | None = None


def record_care(merchant: Merchant, care: Care, *, at: datetime, by: int | None) -> CareRecord:
    """Keep that something was cleaned, emptied or handed over."""
    with transaction.atomic():
        row = CareRecord.objects.create(
            merchant=merchant, kind=care.kind, on=care.on, by=care.by, kg=care.kg, recorded_at=at, recorded_by=by
        )
        record(
            "care.recorded",
            "merchant",
            merchant.pk,
            at=at,
            actor_id=by,
            scope=scope_of(merchant),
            reference={"kind": care.kind, "care": row.pk},
        )
    return row


def add_facility(facility: Facility, *, at: datetime, by: int | None) -> Facility:
    """Keep that the merchant has a hood, a purifier, a trap …"""
    with transaction.atomic():
        facility.save()
        _tell_facility("facility.added", facility, at, by)
    return facility


def remove_facility(facility: Facility, *, at: datetime, day: date, by: int | None) -> None:
    """Keep that it is there no longer. Pressing twice changes nothing."""
    with transaction.atomic():
        if Facility.objects.filter(pk=facility.pk, removed_on=None).update(removed_on=day):
            _tell_facility("facility.removed", facility, at, by)


def _tell_facility(kind: str, facility: Facility, at: datetime, by: int | None) -> None:
    scope = scope_of(facility.merchant)
    reference = {"kind": facility.kind, "facility": facility.pk}
    record(kind, "merchant", facility.merchant_id, at=at, actor_id=by, scope=scope, reference=reference)


# ── visits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def record_visit(merchant: Merchant, *, by: User, at: datetime, words: str = "") -> Visit:
    """Keep that somebody came to the door."""
    with transaction.atomic():
        visit = Visit.objects.create(merchant=merchant, by=by, at=at, words=words)
        standing = Standing.objects.filter(merchant=merchant)
        standing.filter(Q(last_visit_at=None) | Q(last_visit_at__lt=at)).update(last_visit_at=at)
        record(
            "visit.made",
            "merchant",
            merchant.pk,
            at=at,
            actor_id=by.pk,
            scope=scope_of(merchant),
            reference={"visit": visit.pk},
        )
    return visit


# ── the code ─────────────────────────────────────────────────────────────────────────────────────────────────────


def reissue_code(merchant: Merchant, *, why: str, at: datetime, by: int | None) -> Code:
    """Give a merchant a new code; the old one from now on says that it was replaced."""
    with transaction.atomic():
        Merchant.objects.select_for_update().get(pk=merchant.pk)
        Code.objects.filter(merchant=merchant, revoked_at=None).update(revoked_at=at, revoked_why=why)
        code = Code.objects.create(merchant=merchant, issued_at=at, issued_by=by)
        record(
            "code.reissued",
            "merchant",
            merchant.pk,
            at=at,
            actor_id=by,
            scope=scope_of(merchant),
            reference={"code": code.pk},
        )
    return code


def note_printed(codes: list[Code], *, at: datetime, by: int | None) -> None:
    """Keep that these codes were put on a sheet."""
    with transaction.atomic():
        Code.objects.filter(pk__in=[code.pk for code in codes]).update(printed_at=at)
        record("codes.printed", "code", codes[0].pk, at=at, actor_id=by, reference={"count": len(codes)})
