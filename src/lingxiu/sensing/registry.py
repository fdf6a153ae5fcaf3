"""Which devices the gateway knows, each with its profile made ready; read from the database, never written.

A device that is retired, or whose profile no catalogue has, is there but cannot be read: it is neither answered nor unknown.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import psycopg
import structlog
from django.conf import settings

from hj212 import (
    STANDARD_2005,
    STANDARD_2017,
    STANDARD_2025,
    AckStyle,
    Frame,
    acknowledge_data,
    crc_hex,
    is_encrypted,
)
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.queries import in_force
from lingxiu.privacy.cipher import Undecipherable
from lingxiu.privacy.cipher import decrypt as decipher
from lingxiu.sensing.keys import Key, KeyUnreadable, opened
from lingxiu.sensing.profiles import ProfileReader

log = structlog.get_logger(__name__)

Secrets: TypeAlias = tuple[str, str]
"""`Device.secret` and `Device.former_secret` as the database has them."""

ACK_STYLES: Final = {
    "2017": STANDARD_2017,
    "2005": STANDARD_2005,
    "2025": STANDARD_2025,
    # what one real platform answers, and its devices therefore expect (hj212.md §15)
    "st21": AckStyle(st="21", flag="5"),
}


class Profile:
    """A profile as the gateway uses it: how its frames are read or refused, and how they are answered."""

    __slots__ = ("reader", "style")

    def __init__(self, profile: DeviceProfile, zone: ZoneInfo, keep_days: int) -> None:
        self.reader = ProfileReader(profile, zone, keep_days)
        self.style = ACK_STYLES[profile.ack_style]


class KnownDevice:
    """A device of the registry. `profile` None: it cannot be read."""

    __slots__ = (
        "_ack_style", "_answered", "_head", "_secrets", "_tail", "encrypts", "id", "key_in_use", "keys", "mn", "profile", "style"
    )  # fmt: skip

    def __init__(
        self, device_id: int, mn: str, profile: Profile | None, secrets: Secrets = ("", ""), ack_style: str = ""
    ) -> None:
        """`ack_style`: of ACK_STYLES, "" for its profile's."""
        self.id = device_id
        self.mn = mn
        self.profile = profile
        self.style = _style(profile, ack_style)
        self._ack_style = ack_style
        self.keys = _keys(device_id, secrets)
        self.key_in_use = self.keys[-1] if self.keys else None  # the former one, until it has used the new one
        self.encrypts = False
        self._secrets = secrets
        self._answered: tuple[str | None, str | None] | None = None
        self._head = self._tail = b""

    @property
    def says(self) -> tuple[str | None, str | None] | None:
        """(ST, PW) of what it was last acknowledged, if anything was."""
        return self._answered

    @property
    def uses_new_key(self) -> bool:
        """Whether it has spoken under a key while its former one is still accepted."""
        return len(self.keys) > 1 and self.encrypts and self.key_in_use is self.keys[0]

    def opened(self, frame: Frame) -> Frame:
        """The frame in plain text, under the newest key that makes sense of it; itself if it is plain, or none does."""
        if frame.crc_ok and not is_encrypted(frame):
            return frame
        plain, key = opened(frame, self.keys, self.profile.reader.refuses if self.profile else _refuses_nothing)
        if key is not None:
            self.encrypts, self.key_in_use = True, key
        return plain

    def is_same(self, device_id: int, profile: Profile | None, secrets: Secrets, ack_style: str) -> bool:
        """Whether the database still says the same of it."""
        return (self.id, self.profile, self._secrets, self._ack_style) == (device_id, profile, secrets, ack_style)

    def acknowledge(self, frame: Frame) -> bytes:
        """9014 for this frame. Acknowledgements of one device differ in their QN only, so the rest is kept ready."""
        qn, style = frame.qn, self.style
        if style.order != "2017" or qn is None or len(qn) != 17 or not qn.isdigit():
            return acknowledge_data(frame, style)
        if (frame.st, frame.pw) != self._answered:
            self._learn(frame, qn)
        segment = self._head + qn.encode() + self._tail
        return b"##%04d%b%b\r\n" % (len(segment), segment, crc_hex(segment))

    def _learn(self, frame: Frame, qn: str) -> None:
        segment = acknowledge_data(frame, self.style)[6:-6]
        self._head, _, self._tail = segment.partition(qn.encode())
        self._answered = (frame.st, frame.pw)


def _style(profile: Profile | None, ack_style: str) -> AckStyle:
    if ack_style in ACK_STYLES:
        return ACK_STYLES[ack_style]
    return profile.style if profile is not None else STANDARD_2017


def _refuses_nothing(frame: Frame) -> str:
    return ""


def _keys(device_id: int, secrets: Secrets) -> tuple[Key, ...]:
    """The newest first. A key that cannot be read is none: what it encrypts is kept as odd, and somebody is told."""
    keys = []
    for stored in filter(None, secrets):
        try:
            keys.append(Key(decipher(stored)))
        except (KeyUnreadable, Undecipherable) as error:
            log.error("registry.key_unreadable", device=device_id, error=type(error).__name__)
    return tuple(keys)


class Registry:
    """The devices by MN. `load` reads them again; a device that did not change keeps its object."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._devices: dict[str, KnownDevice] = {}
        self._profiles: dict[str, Profile] = {}
        self._mapped: frozenset[str] = frozenset()
        self._edition = 0

    def get(self, mn: str) -> KnownDevice | None:
        """The device of this MN, if there is one."""
        return self._devices.get(mn)

    def __len__(self) -> int:
        return len(self._devices)

    def load(self) -> None:
        """Read devices and profiles from the database. Blocking. Raises psycopg.Error, django.db.Error."""
        self._load_profiles()
        with psycopg.connect(self._conninfo, autocommit=True) as database:
            rows = database.execute(
                "SELECT id, mn, profile, state, secret, former_secret, ack_style FROM sensing_device"
            ).fetchall()
        self._devices = {
            mn: self._known(device_id, mn, profile, state, (secret, former), ack_style)
            for device_id, mn, profile, state, secret, former, ack_style in rows
        }

    def _load_profiles(self) -> None:
        policy = in_force()
        if policy.id == self._edition:
            return
        zone, keep = ZoneInfo(settings.TIME_ZONE), policy.catalogues.alarms.keep_raw_days
        self._profiles = {row.id: Profile(row, zone, keep) for row in policy.catalogues.devices}
        self._mapped = frozenset(row.id for row in policy.catalogues.json_mappings)  # these speak JSON, elsewhere
        self._edition = policy.id

    def _known(
        self, device_id: int, mn: str, profile_id: str, state: str, secrets: Secrets, ack_style: str
    ) -> KnownDevice:
        profile = None if state == "retired" else self._profiles.get(profile_id)
        if profile is None and state != "retired" and profile_id not in self._mapped:
            log.error("registry.profile_missing", device=device_id, profile=profile_id)
        old = self._devices.get(mn)
        if old is not None and old.is_same(device_id, profile, secrets, ack_style):
            return old
        known = KnownDevice(device_id, mn, profile, secrets, ack_style)
        if old is not None and known.keys:
            known.encrypts = old.encrypts
        return known
