"""Load the demo county: everything, or nothing if it is there already. One transaction, so a load that was killed left nothing.

Deterministic by the seed and the moment it is told is now; all of it is marked synthetic. Never touches a county that is real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from lingxiu.accounts.models import User
from lingxiu.demo import care, finders, foretold, keepers, points, powercut, readings, rounds
from lingxiu.demo.book import AlarmTold, Book
from lingxiu.demo.bulk import copy
from lingxiu.demo.chance import SEED
from lingxiu.demo.courses import Scene
from lingxiu.demo.desk import Begin, Desk, Record
from lingxiu.demo.episodes import Raised, raised
from lingxiu.demo.issues import write_issues, write_last_events
from lingxiu.demo.joint import write_joint
from lingxiu.demo.key_places import write_key_places
from lingxiu.demo.land import write_areas, write_base_lines
from lingxiu.demo.monitors import Monitor, cleaning_days, make_monitors, write_monitors
from lingxiu.demo.orders import write_orders
from lingxiu.demo.owners import Owner, choose_owners, enlist_companies, enlist_owners
from lingxiu.demo.pictures import store_pictures
from lingxiu.demo.ratings import write_ratings
from lingxiu.demo.shapes import COUNTY, CountyShapes, build_county
from lingxiu.demo.shops import Shop, make_shops, write_shops
from lingxiu.demo.signins import OFFICERS, password_of
from lingxiu.demo.staff import Staff, make_staff, make_units
from lingxiu.demo.standings import refresh_standings
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.writing import calendar
from lingxiu.journal.actions import record
from lingxiu.policy.queries import InForce, in_force
from lingxiu.sensing import statistics
from lingxiu.sensing.models import Alarm, Maintenance
from lingxiu.sensing.watch import summary
from lingxiu.territory.models import Area

Advance = Callable[[str, int, int], None]

MONITORS_AT_ONCE = 20


class CountyIsReal(Exception):
    """There is a county here that is not the demo's. The mend: another directory (`LINGXIU_HOME=`), or another database."""

    def __init__(self) -> None:
        super().__init__(
            "there is a real county here: start the demo with another LINGXIU_HOME=, or on another database"
        )


def load(*, merchants: int, at: datetime, advance: Advance) -> None:
    """Load the demo county as it is at this moment. The second time nothing happens.

    Args:
        advance: told (what, done, total) as the work goes on.
    Raises: CountyIsReal.
    """
    if is_loaded():
        return
    if Area.objects.exists():
        raise CountyIsReal
    with transaction.atomic():
        _Load(merchants, at.astimezone(ZoneInfo(settings.TIME_ZONE)), advance).run()


def is_loaded() -> bool:
    """Whether the demo county is here."""
    return Area.objects.filter(code=COUNTY, kind="county").exists() and User.objects.filter(synthetic=True).exists()


@dataclass
class _Load:
    """What the parts hand to each other."""

    count: int
    at: datetime
    advance: Advance
    policy: InForce = field(default_factory=in_force)
    what: str = ""
    shapes: CountyShapes = field(init=False)
    staff: Staff = field(init=False)
    areas: dict[str, Area] = field(init=False)
    shops: list[Shop] = field(init=False)
    owners: list[Owner] = field(init=False)
    helpers: care.Helpers = field(init=False)
    monitors: list[Monitor] = field(init=False)
    alarms: list[Raised] = field(default_factory=list)
    forecasts: foretold.Foretold = field(init=False)
    records: list[Record] = field(init=False)

    def run(self) -> None:
        """One part after the other."""
        parts: list[tuple[str, Callable[[], None]]] = [
            ("Demo: towns, grids and people", self._county),
            ("Demo: merchants", self._merchants),
            ("Demo: cleaning, waste, self-checks", self._care),
            ("Demo: three months of readings", self._readings),
            ("Demo: issues", self._issues),
            ("Demo: fume levels", self._levels),
        ]
        with ThreadPoolExecutor() as pool:  # hashing takes seconds, and no part of Python while it does
            hashes = {name: pool.submit(make_password, password_of(name)) for name in OFFICERS.values()}
            for what, part in parts:
                self.what = what
                self.advance(what, 0, 1)
                part()
                self.advance(what, 1, 1)
        for name, password in hashes.items():
            User.objects.filter(username=name).update(password=password.result())

    # ── the parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _county(self) -> None:
        self.shapes = build_county(SEED)
        county = self.shapes.of_kind("county")[0].name
        units = make_units(self.shapes, self.policy.catalogues.departments, county)
        self.staff = make_staff(units, self.at)
        self.areas = write_areas(self.shapes, units)
        write_base_lines(self.shapes)
        write_key_places(self.areas, self.at)

    def _merchants(self) -> None:
        self.shops = make_shops(self.shapes, self.areas, self.count, self.at)
        self.owners = choose_owners(self.shops)
        write_shops(self.shops)
        enlist_owners(self.staff, self.owners, self.at)
        self.helpers = enlist_companies(self.staff, self.shops, self.at)

    def _care(self) -> None:
        catalogues = self.policy.catalogues
        records = {shop.number: tuple(care.care_of(shop, self.helpers, catalogues, self.at)) for shop in self.shops}
        copy([one for of_shop in records.values() for one in of_shop])
        cleaned = {number: cleaning_days(of_shop) for number, of_shop in records.items()}
        self.monitors = make_monitors(self.shops, cleaned, catalogues, self.at, readings.HISTORY_DAYS)
        with_monitor, owner_of = {monitor.shop.number for monitor in self.monitors}, self._owner_of()
        copy([check for shop in self.shops for check in care.self_checks_of(
            shop, shop.number in with_monitor, owner_of.get(shop.merchant.pk), self.policy, self.at
        )])  # fmt: skip
        copy([visit for shop in self.shops for visit in rounds.visits_of(shop, self.staff, self.at)])

    def _readings(self) -> None:
        write_monitors(self.monitors, self.at)
        readings.make_partitions(self.at)
        profiles = {profile.id: profile for profile in self.policy.catalogues.devices}
        spans: dict[int, list[Maintenance]] = {}
        for row in Maintenance.objects.all():
            spans.setdefault(row.device_id, []).append(row)
        for first in range(0, len(self.monitors), MONITORS_AT_ONCE):
            self.advance(self.what, first, len(self.monitors) + 1)
            heard = [readings.hear(one, profiles, self.at) for one in self.monitors[first : first + MONITORS_AT_ONCE]]
            readings.write_heard(heard, self.at)
            readings.write_watched(heard, self.policy.catalogues.alarms.settle_seconds, self.at)
            for one in heard:
                self.alarms += raised(one, spans.get(one.monitor.device.pk, ()), self.policy, self.at)
        readings.note_last_readings()
        devices = [monitor.device.pk for monitor in self.monitors]
        begins = readings.beginning(self.at, readings.RAW_DAYS)
        statistics.recompute(self.policy.catalogues, devices, begins, self.at)
        Alarm.objects.bulk_create([one.alarm for one in self.alarms], batch_size=500)
        points.write_points(self.shops, self.policy, self.at)
        powercut.write_storms(self.policy)
        points.write_duty(self.staff, self.at)
        keepers.write_keepers(self.at)
        self.forecasts = foretold.foretell(self.policy, self.at)

    def _issues(self) -> None:
        scene = Scene(self.staff, store_pictures(self.at), self.at)
        told = [self._told(one) for one in self.alarms if one.told_at]
        wanted = round(finders.ISSUES * len(self.shops))
        begins = self._begins(scene, wanted, self._how_many_of_alarms(scene, told))
        book = Book(scene, self._desk())
        book.fill(begins, told)
        write_issues(book.records)
        self._name_issues(book.of_alarm)
        foretold.settle_with(self.forecasts, book.records, self.at)
        self.records = book.records
        write_orders(self.staff, self.shops, self.at)
        write_joint(self.staff, self.shops, self.at)

    def _levels(self) -> None:
        _analyze()
        refresh_standings(self.at)
        write_ratings(self.policy, self.at, lambda done, total: self.advance(self.what, done, total))
        write_last_events(self.records, [one.alarm for one in self.alarms], self.at)
        record("demo.loaded", "county", COUNTY, at=self.at, reference={"seed": SEED, "merchants": self.count})

    # ── between them ─────────────────────────────────────────────────────────────────────────────────────────────

    def _owner_of(self) -> dict[int, User]:
        return {shop.merchant.pk: owner.user for owner in self.owners for shop in owner.shops}

    def _desk(self) -> Desk:
        return Desk(self.staff, self.policy, calendar(), list(KeyPlace.objects.in_use()))

    def _told(self, one: Raised) -> AlarmTold:
        alarm, at = one.alarm, one.told_at
        assert at is not None and one.rule.violation is not None
        mn, merchant = alarm.device.mn, alarm.device.merchant
        return AlarmTold(alarm.pk, mn, merchant, one.rule.violation, alarm.raised_at, at, summary(alarm))

    def _how_many_of_alarms(self, scene: Scene, told: Sequence[AlarmTold]) -> int:
        """Played alone, alarms make the same issues as among all the others."""
        book = Book(scene, self._desk())
        book.fill((), told)
        return len(book.records)

    def _begins(self, scene: Scene, wanted: int, of_alarms: int) -> list[Begin]:
        """What else comes in, so that there are as many as wanted in all."""
        who = finders.Finders(scene, self._desk(), self.shops, self._owner_of())
        joint = finders.joint_among(wanted)
        rest = max(joint, wanted - of_alarms - len(self.forecasts.begins))
        return [*self.forecasts.begins, *who.found(rest, joint)]

    def _name_issues(self, of_alarm: dict[int, Record]) -> None:
        """Alarms keep the number of the issue they opened or joined."""
        alarms = [one.alarm for one in self.alarms if one.alarm.pk in of_alarm]
        for alarm in alarms:
            alarm.issue_number = of_alarm[alarm.pk].issue.number
        Alarm.objects.bulk_update(alarms, ["issue_number"], batch_size=500)


def _analyze() -> None:
    """Tell the planner what there is now: all of it came within this transaction."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
