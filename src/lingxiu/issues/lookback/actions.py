"""Keep key places and the two lists of merchants: add, take off, import; propose, approve by another, end, note an objection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues.lookback.models import LARGEST_RADIUS_M, KeyPlace, Listing
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant

MOST_PLACES = 2_000
EXPIRED = "expired"


class KnownAlready(Exception):
    """A place of that kind and name, or an open listing of that merchant and colour, is there already."""


class OwnProposal(Exception):
    """Whoever proposed it may not approve it."""


class NotWaiting(Exception):
    """It was approved or ended in the meantime."""


class ImportRefused(Exception):
    """A file that is no list of places. `why`: which feature, and what is wrong with it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Place:
    """A key place as it is entered: WGS84 degrees, metres."""

    kind: str
    name: str
    lng: float
    lat: float
    radius_m: int


# ── key places ───────────────────────────────────────────────────────────────────────────────────────────────────


def add_place(place: Place, *, by: User | None, at: datetime, synthetic: bool = False) -> KeyPlace:
    """Put a place on the list. Raises: KnownAlready."""
    try:
        with transaction.atomic():
            row = KeyPlace.objects.create(
                kind=place.kind, name=place.name, lng=place.lng, lat=place.lat, radius_m=place.radius_m,
                added_by=by, added_at=at, synthetic=synthetic,
            )  # fmt: skip
            record("key_place.added", "key_place", row.pk, at=at, actor_id=by.pk if by else None)
    except IntegrityError as error:
        if "key_place_one_of_a_name" in str(error):
            raise KnownAlready from error
        raise
    return row


def remove_place(place: KeyPlace, *, by: User, at: datetime) -> None:
    """Take a place off the list; a second time nothing happens."""
    with transaction.atomic():
        if KeyPlace.objects.in_use().filter(pk=place.pk).update(removed_by=by, removed_at=at):
            record("key_place.removed", "key_place", place.pk, at=at, actor_id=by.pk)


def read_geojson(text: bytes, *, radius_m: int) -> list[Place]:
    """Places of a FeatureCollection of points with the properties `name`, `kind` and, if it differs, `radius_m`.

    Raises: ImportRefused.
    """
    try:
        features = json.loads(text)["features"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ImportRefused("FeatureCollection?") from error
    if not isinstance(features, list) or not 0 < len(features) <= MOST_PLACES:
        raise ImportRefused(f"1–{MOST_PLACES} features")
    return [_place(number, feature, radius_m) for number, feature in enumerate(features, start=1)]


def _place(number: int, feature: object, radius_m: int) -> Place:
    try:
        said, geometry = feature["properties"], feature["geometry"]  # type: ignore[index]  # whatever it is, it is tried
        lng, lat = (float(degrees) for degrees in geometry["coordinates"][:2])
        place = Place(
            str(said["kind"]), str(said["name"]).strip()[:80], lng, lat, int(said.get("radius_m") or radius_m)
        )
        right = geometry["type"] == "Point" and place.kind in KeyPlace.Kind.values and place.name
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ImportRefused(f"feature {number}: {type(error).__name__} {error}") from error
    if not right or not (-180 <= lng <= 180 and -85 <= lat <= 85 and 1 <= place.radius_m <= LARGEST_RADIUS_M):
        raise ImportRefused(f"feature {number}: {place}")
    return place


def import_places(places: list[Place], *, by: User, at: datetime) -> tuple[int, int]:
    """Add those that are not there yet. Returns: how many were added, and how many were known."""
    added = 0
    with transaction.atomic():
        for place in places:
            try:
                add_place(place, by=by, at=at)
                added += 1
            except KnownAlready:
                continue
    return added, len(places) - added


# ── the red and the black list ───────────────────────────────────────────────────────────────────────────────────


def propose(
    merchant: Merchant,
    colour: str,
    *,
    reason: str,
    document_number: str,
    since: date,
    until: date,
    by: User,
    at: datetime,
) -> Listing:
    """Propose a merchant for a list. What expired makes room. Raises: KnownAlready."""
    try:
        with transaction.atomic():
            end_expired(at)
            row = Listing.objects.create(
                merchant=merchant, colour=colour, reason=reason, document_number=document_number, since=since,
                until=until, proposed_by=by, proposed_at=at,
            )  # fmt: skip
            _record("listing.proposed", row, by, at)
    except IntegrityError as error:
        if "listing_one_open" in str(error):
            raise KnownAlready from error
        raise
    return row


def approve(listing: Listing, *, by: User, at: datetime) -> None:
    """Put it in force. Raises: OwnProposal, NotWaiting."""
    if listing.proposed_by_id == by.pk:
        raise OwnProposal
    with transaction.atomic():
        waiting = Listing.objects.filter(pk=listing.pk, approved_at=None, ended_at=None)
        if not waiting.update(approved_by=by, approved_at=at):
            raise NotWaiting
        _record("listing.approved", listing, by, at)


def end(listing: Listing, *, why: str, by: User, at: datetime) -> None:
    """Refuse it, or take it back. Raises: NotWaiting."""
    with transaction.atomic():
        if not Listing.objects.filter(pk=listing.pk, ended_at=None).update(ended_by=by, ended_at=at, ended_why=why):
            raise NotWaiting
        _record("listing.ended", listing, by, at)


def note_objection(listing: Listing, words: str, *, by: User, at: datetime) -> None:
    """Write down what the merchant objects; what was written before stays above it. Raises: NotWaiting."""
    with transaction.atomic():
        row = Listing.objects.select_for_update().get(pk=listing.pk)
        if row.ended_at is not None:
            raise NotWaiting
        row.objection = f"{row.objection}\n{words}".strip()[:2000]
        row.save(update_fields=["objection"])
        _record("listing.objected", row, by, at)


def end_expired(at: datetime) -> int:
    """End what is over by its own date. Returns how many."""
    over = Listing.objects.filter(ended_at=None, until__lt=timezone.localdate(at))
    return over.update(ended_at=at, ended_why=EXPIRED)


def _record(kind: str, listing: Listing, by: User, at: datetime) -> None:
    """Told within the merchant's town, and never to the merchant or to anybody outside."""
    town = listing.merchant.town
    record(
        kind, "listing", listing.pk, at=at, actor_id=by.pk, scope=Scope(town=town), reference={"colour": listing.colour}
    )
