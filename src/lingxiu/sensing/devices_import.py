"""Devices taken in from a list: which shop each is in, which dialect it speaks; row by row, as often as one likes.

A row whose MN is known changes what it says of that device and moves it to no other shop; a new MN is registered. A bad row stops
no other. Knows no file beyond its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.merchants.models import Code, Merchant, MerchantQuerySet
from lingxiu.merchants.sheets import FileRefused, rows_of
from lingxiu.merchants.workbook import text
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions
from lingxiu.sensing.models import Device, Maintainer

Advance = Callable[[int, int], None]

HEADER_WITHIN: Final = 20
AS_PROFILE: Final = "profile"
"""In the column of answers: as the profile says."""
COLUMNS: Final[dict[str, list[str]]] = yaml.safe_load(
    Path(__file__).with_name("device_columns.yaml").read_text(encoding="utf-8")
)
OUTCOMES: Final[dict[str, str | Promise]] = {
    "created": gettext_lazy("new"),
    "changed": gettext_lazy("changed"),
    "unchanged": gettext_lazy("unchanged"),
    "refused": gettext_lazy("refused"),
}


class _Bad(Exception):
    """A row that is refused; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row and what became of it (a key of OUTCOMES)."""

    number: int
    mn: str
    outcome: str
    why: str = ""

    def line(self) -> str:
        """As the command line prints it."""
        said = f"{_('row %d') % self.number}: {OUTCOMES[self.outcome]} {self.mn}"
        return f"{said} — {self.why}" if self.why else said


@dataclass(slots=True)
class Report:
    """What became of a list."""

    dry_run: bool
    rows: list[Row] = field(default_factory=list)

    @property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if row.outcome == "refused"]

    @property
    def summary(self) -> list[tuple[str, int]]:
        """How many of each, in words."""
        return [(str(word), sum(row.outcome == key for row in self.rows)) for key, word in OUTCOMES.items()]

    def lines(self) -> Iterator[str]:
        """Every row of a dry run, else the refused ones; then the sums."""
        yield from (row.line() for row in (self.rows if self.dry_run else self.refused))
        yield " · ".join(f"{word} {count}" for word, count in self.summary)
        if self.dry_run:
            yield _("Nothing was written: this was a dry run.")


def import_devices(
    data: bytes,
    name: str,
    *,
    merchants: MerchantQuerySet,
    dry_run: bool,
    at: datetime,
    by: int | None = None,
    advance: Advance | None = None,
) -> Report:
    """Take a list in: .xlsx or .csv. Raises FileRefused.

    Args:
        merchants: those whose devices this person may enter.
    """
    table = list(_understood(rows_of(data, name), name))
    report, named = Report(dry_run), set[str]()
    for done, (number, said) in enumerate(table, start=1):
        with transaction.atomic():
            report.rows.append(_take(number, said, merchants, named, at, by))
            transaction.set_rollback(dry_run or report.rows[-1].outcome == "refused")
        if advance is not None:
            advance(done, len(table))
    return report


def _understood(rows: list[list[Any]], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row below the header as text by column, with its number."""
    field_of = {word: column for column, words in COLUMNS.items() for word in words}
    for place, cells in enumerate(rows[:HEADER_WITHIN]):
        columns = [field_of.get(text(cell).lower()) for cell in cells]
        if "mn" in columns and len(set(columns)) > 2:
            for number, row in enumerate(rows[place + 1 :], start=place + 2):
                said = {key: text(cell) for key, cell in zip(columns, row, strict=False) if key and text(cell)}
                if said:
                    yield number, said
            return
    known = ", ".join(words[0] for words in COLUMNS.values())
    raise FileRefused(
        _("%(name)s has no header row that names the MN and the shop; known columns: %(known)s.")
        % {"name": name, "known": known}
    )


def _take(
    number: int, said: dict[str, str], merchants: MerchantQuerySet, named: set[str], at: datetime, by: int | None
) -> Row:
    mn = said.get("mn", "")
    try:
        if not mn or len(mn) > 24 or not mn.isascii():
            raise _Bad(_("The MN is missing, longer than 24 characters, or not of letters and digits."))
        if mn in named:
            raise _Bad(_("This MN stands in the list already."))
        named.add(mn)
        shop, profile, company, style = _shop(said, merchants), _profile(said), _company(said), _ack_style(said)
        device = Device.objects.select_related("merchant").filter(mn=mn).first()
        if device is None:
            device = actions.register(
                mn=mn,
                merchant=shop,
                profile_id=profile or _missing_profile(),
                **{key: said.get(key, "")[:60] for key in ("vendor", "model", "place")},
                maintainer=company,
                at=at,
                actor_id=by,
            )
            if style:
                actions.change_profile(device, device.profile, ack_style=style, at=at, actor_id=by)
            return Row(number, mn, "created")
        changed = _change(device, shop, profile, style, company, said, at, by)
        return Row(number, mn, "changed" if changed else "unchanged")
    except _Bad as bad:
        return Row(number, mn, "refused", str(bad))


def _change(
    device: Device,
    shop: Merchant,
    profile: str,
    style: str | None,
    company: Maintainer | None,
    said: dict[str, str],
    at: datetime,
    by: int | None,
) -> bool:
    if device.state == Device.State.RETIRED:
        raise _Bad(_("This device was taken out of use."))
    if device.merchant_id != shop.pk:
        raise _Bad(_("It stands at %(shop)s: move it on its own page.") % {"shop": device.merchant})
    wanted = {key: said.get(key, "")[:60] or getattr(device, key) for key in ("vendor", "model", "place")}
    keeper = company or device.maintainer
    described = any(getattr(device, key) != value for key, value in wanted.items()) or keeper != device.maintainer
    if described:
        actions.describe(device, **wanted, maintainer=keeper, at=at, actor_id=by)
    spoken = (profile or device.profile, device.ack_style if style is None else style)
    if spoken != (device.profile, device.ack_style):
        actions.change_profile(device, spoken[0], ack_style=spoken[1], at=at, actor_id=by)
        return True
    return described


def _shop(said: dict[str, str], merchants: MerchantQuerySet) -> Merchant:
    """By licence or credit number, else by the code on the door, else by a name that only one shop has."""
    found: list[Merchant] = []
    if licence := said.get("licence", "").upper():
        found = list((merchants.filter(licence_no=licence) | merchants.filter(uscc=licence))[:2])
    if not found and (token := said.get("code", "").rstrip("/").rpartition("/")[2]):
        found = list(merchants.filter(pk__in=Code.objects.filter(token=token, revoked_at=None).values("merchant"))[:2])
    if not found and (name := said.get("merchant", "")):
        found = list(merchants.filter(name=name)[:2])
    if len(found) == 1:
        return found[0]
    raise _Bad(
        _("Several shops fit: say its licence or its code.") if found else _("No shop of this licence, code or name.")
    )


def _profile(said: dict[str, str]) -> str:
    """The id of the profile a row names, by id or label; "" where it names none."""
    if not (wanted := said.get("profile", "").lower()):
        return ""
    for row in in_force().catalogues.devices:
        if row.enabled and wanted in (row.id.lower(), row.label.zh.lower(), row.label.en.lower()):
            return row.id
    raise _Bad(_("No profile is called “%(profile)s”.") % {"profile": said["profile"]})


def _ack_style(said: dict[str, str]) -> str | None:
    """How a device is answered: "" as its profile says, None where the row does not say."""
    wanted = said.get("ack_style", "").lower()
    if not wanted or wanted == AS_PROFILE:
        return "" if wanted else None
    if wanted not in Device.AckStyle.values:
        raise _Bad(
            _("“%(style)s” is no way to answer a device; known: %(known)s.")
            % {"style": said["ack_style"], "known": ", ".join([AS_PROFILE, *Device.AckStyle.values])}
        )
    return wanted


def _missing_profile() -> str:
    raise _Bad(_("A new device needs a profile."))


def _company(said: dict[str, str]) -> Maintainer | None:
    if not (name := said.get("maintainer", "")):
        return None
    found = Maintainer.objects.filter(name=name).first()
    if found is None:
        raise _Bad(_("No company “%(name)s” looks after devices: enter it first.") % {"name": name})
    return found
