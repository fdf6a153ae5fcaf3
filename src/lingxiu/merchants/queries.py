"""Find merchants, open codes, count coverage, draw the map. Reads only; who may see what is `visible_to`'s."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

from django.db.models import Count, Q

from lingxiu.accounts.models import User
from lingxiu.china.identifiers import IdentifierError, normalise, normalise_mobile
from lingxiu.merchants.models import Code, Licence, Merchant, MerchantQuerySet, Status
from lingxiu.privacy.cipher import blind_index

UNRATED = "none"
GONE = "all"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader of the list asks for; empty means any. `level`: 1, 2, 3 or `none`; `status`: without one, all but closed."""

    q: str = ""
    town: str = ""
    grid: str = ""
    kind: str = ""
    scale: str = ""
    level: str = ""
    device: str = ""
    issues: str = ""
    status: str = ""

    @property
    def filters(self) -> int:
        """How many filters are in force besides the words."""
        return sum(bool(value) for value in astuple(self)[1:])


def find(merchants: MerchantQuerySet, wanted: Wanted, *, by_phone: bool) -> MerchantQuerySet:
    """Of these merchants those that are wanted.

    Args:
        by_phone: whether the reader may know whose number it is (`merchants.see_personal_data`).
    """
    same = {"town": wanted.town, "grid": wanted.grid, "kind": wanted.kind, "scale": wanted.scale}
    same |= {"standing__device_state": wanted.device}
    found = merchants.filter(**{field: value for field, value in same.items() if value})
    if wanted.level:
        level = None if wanted.level == UNRATED else wanted.level
        found = found.filter(standing__fume_level=level)
    if wanted.issues:
        found = found.filter(standing__open_issues__gt=0)
    if wanted.status != GONE:
        found = found.filter(status=wanted.status) if wanted.status else found.exclude(status=Status.CLOSED)
    return found.filter(_said(wanted.q, by_phone)) if wanted.q.strip() else found


def _said(words: str, by_phone: bool) -> Q:
    """Part of a name, its pinyin or initials, a licence or credit number; or a whole phone number, for those who may."""
    plain = words.replace(" ", "").lower()
    said = Q(search__contains=plain)
    if (number := normalise(words).lower()) != plain:
        said |= Q(search__contains=number)
    if by_phone:
        with suppress(IdentifierError):
            said |= Q(phone_index=blind_index(normalise_mobile(words)))
    return said


def counts(merchants: MerchantQuerySet) -> dict[str, int]:
    """How many there are of each level, with open issues, and with a silent device: one query."""
    totals: dict[str, int] = merchants.order_by().aggregate(
        level1=Count("id", filter=Q(standing__fume_level=1)),
        level2=Count("id", filter=Q(standing__fume_level=2)),
        level3=Count("id", filter=Q(standing__fume_level=3)),
        unrated=Count("id", filter=Q(standing__fume_level=None)),
        with_issues=Count("id", filter=Q(standing__open_issues__gt=0)),
        offline=Count("id", filter=Q(standing__device_state="offline")),
    )
    return totals


# ── the code ──


@dataclass(frozen=True, slots=True)
class Revoked:
    """A code that was replaced: whose it was, and the row that says since when."""

    merchant: Merchant
    code: Code


def by_token(token: str) -> Merchant | Revoked | None:
    """Whose code this is; None where we never made it."""
    code = Code.objects.select_related("merchant", "merchant__standing").filter(token=token).first()
    if code is None:
        return None
    return code.merchant if code.revoked_at is None else Revoked(code.merchant, code)


# ── coverage ──


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many licences of the county's register have a dossier."""

    licences: int
    with_dossier: int

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None while the register is empty."""
        return self.with_dossier / self.licences if self.licences else None

    @property
    def percent(self) -> str:
        """The share with one decimal, as it is reported: 99.5%."""
        return f"{(self.share or 0) * 100:.1f}%"


def coverage() -> Coverage:
    """Of the whole county."""
    counted = Licence.objects.aggregate(
        licences=Count("id"), with_dossier=Count("id", filter=Q(merchant__isnull=False))
    )
    return Coverage(**counted)


# ── the map ──


class MapRow(NamedTuple):
    """A merchant as the map draws it. `search`: all it is found by. Level and stars are None where there are none."""

    id: int
    name: str
    search: str
    kind: str
    scale: str
    town: str
    lng: float
    lat: float
    fume_level: int | None
    stars: int | None
    open_issues: int
    open_alarms: int
    device_state: str


_MAP_COLUMNS = (
    "id",
    "name",
    "pinyin",
    "kind",
    "scale",
    "town",
    "lng",
    "lat",
    "standing__fume_level",
    "standing__stars",
    "standing__open_issues",
    "standing__open_alarms",
    "standing__device_state",
)


def map_rows(user: User) -> list[MapRow]:
    """Every merchant this person may open that still trades, in one query."""
    rows: Any = (
        Merchant.objects.visible_to(user).exclude(status=Status.CLOSED).order_by("id").values_list(*_MAP_COLUMNS)
    )
    return [MapRow(*row) for row in rows]
