"""The demo county as it stands after a load: what must be true of it, room by room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.db.models import F, Q
from django.test import override_settings

from lingxiu.accounts.models import Bond, Post, User
from lingxiu.china.identifiers import parse_food_licence, parse_uscc
from lingxiu.demo import naming, readings, scenario
from lingxiu.demo.devices import KitchenSource, make_fleet
from lingxiu.demo.load import CountyIsReal, load
from lingxiu.demo.monitors import kitchen_of
from lingxiu.demo.signins import PHONES, sign_ins
from lingxiu.files.models import Origin, StoredFile
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.lookback.queries import near_key_place
from lingxiu.issues.models import OPEN_STATES, Assignment, Inspection, Issue, MoveRow, Report
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import CareRecord, Licence, Merchant, Standing
from lingxiu.policy.actions import load as load_policy
from lingxiu.policy.queries import forget, in_force
from lingxiu.policy.reading import SHIPPED
from lingxiu.rating.models import FumeScore
from lingxiu.rating.queries import rating_day
from lingxiu.sensing import judging, point_statistics, statistics, watch
from lingxiu.sensing.models import Alarm, Device, UnknownDevice
from lingxiu.territory.models import Area
from tests.demo import county as read_back
from tests.demo.test_names import CHAINS

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 19, 18, 55, tzinfo=ZONE)  # a Thursday, dinner time
MERCHANTS = 120

Told = list[tuple[str, int, int]]


@dataclass
class Loaded:
    """What the load told of itself, the digests of the two times it was made, and where its pictures lie."""

    told: Told
    first: dict[str, str]
    again: dict[str, str]
    files: Path


def _policy() -> None:
    load_policy(SHIPPED, at=AT - timedelta(days=365))
    forget()


def _load(told: Told) -> dict[str, str]:
    load(merchants=MERCHANTS, at=AT, advance=lambda *progress: told.append(progress))
    return read_back.digest()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Loaded]:
    """The county, made twice: the first time it is taken back, the second time the tests of this module look at it."""
    quick = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    files = tmp_path_factory.mktemp("files")
    with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=quick, FILES_ROOT=files):
        with transaction.atomic():
            _policy()
            first = _load([])
            transaction.set_rollback(True)
        with transaction.atomic():
            _policy()
            told: Told = []
            yield Loaded(told, first, _load(told), files)
            transaction.set_rollback(True)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("loaded"), pytest.mark.xdist_group("demo_county")]


# ── as a whole ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_seed_and_moment_make_the_same_rows(loaded: Loaded) -> None:
    assert loaded.first == loaded.again


def test_a_second_load_does_nothing_and_says_nothing() -> None:
    told: Told = []

    load(merchants=MERCHANTS, at=AT + timedelta(days=1), advance=lambda *progress: told.append(progress))

    assert told == []
    assert Merchant.objects.count() == MERCHANTS


def test_every_part_tells_its_beginning_and_its_end(loaded: Loaded) -> None:
    begun = [what for what, done, _ in loaded.told if done == 0]
    ended = [what for what, done, total in loaded.told if done == total]

    assert len(dict.fromkeys(begun)) == 6
    assert set(begun) == set(ended)


def test_every_row_that_can_say_so_says_it_is_synthetic() -> None:
    assert {
        model.__name__: model.objects.filter(synthetic=False).count() for model in read_back.SYNTHETIC
    } == dict.fromkeys((model.__name__ for model in read_back.SYNTHETIC), 0)


def test_what_no_single_row_can_break_holds_too() -> None:
    """One open lead an issue, which the issue repeats; every foreign key."""
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_role_has_somebody_who_can_sign_in() -> None:
    by_name = {one.username: one for one in sign_ins()}
    roles = {role.id for role in in_force().catalogues.roles}
    held = set()
    for name, one in by_name.items():
        (user,) = User.objects.with_phone(name) if not one.password else User.objects.filter(username=name)
        assert one.password == "" or user.check_password(one.password)
        held |= {post.role for post in user.authority.posts for post in user.posts.all()}

    assert held == roles
    assert set(PHONES.values()) <= set(by_name)


def test_nobody_else_has_a_password() -> None:
    with_password = {user.username for user in User.objects.all() if user.has_usable_password()}

    assert with_password == {one.username for one in sign_ins() if one.password}


def test_units_are_staffed_as_a_county_is() -> None:
    held = Counter(Post.objects.values_list("role", "unit__kind"))

    assert held["town_dispatcher", "town"] == 2 * 9
    assert held["town_officer", "town_team"] == 3 * 9
    assert held["grid_member", "grid"] == Area.objects.filter(kind="grid").count() == 382
    assert Post.objects.filter(role="department_officer").values("unit").distinct().count() == 11
    assert not Post.objects.filter(role__in=["department_officer", "town_officer"], certificate_no="").exists()
    assert not Post.objects.filter(role="grid_member", primary=False).exists()


def test_posts_are_held_where_policy_lets_them_be() -> None:
    allowed = {role.id: role.held_at for role in in_force().catalogues.roles}

    assert [
        (role, kind)
        for role, kind in Post.objects.values_list("role", "unit__kind").distinct()
        if kind not in allowed[role]
    ] == []


def test_telephone_numbers_reach_nobody() -> None:
    numbers = {*(user.phone for user in User.objects.all()), *(merchant.phone for merchant in Merchant.objects.all())}
    numbers |= {report.reporter_phone for report in Report.objects.all()}

    assert all(number.startswith("1540") and len(number) == 11 for number in numbers - {""})


def test_owners_and_companies_are_bound_to_shops_there_are() -> None:
    bonds = Counter(Bond.objects.values_list("kind", flat=True))

    assert bonds["owner"] >= 3
    assert bonds["cleaning_company"] >= 10
    assert bonds["waste_hauler"] >= 10
    assert not Bond.objects.exclude(merchant_id__in=Merchant.objects.values("pk")).exists()


# ── merchants ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_licence_and_credit_code_has_its_check_digit() -> None:
    for merchant in Merchant.objects.all():
        parse_uscc(merchant.uscc)
    for number in Licence.objects.filter(kind="food_licence").values_list("number", flat=True):
        parse_food_licence(number)


def test_nearly_all_licences_have_a_dossier() -> None:
    known = Licence.objects.exclude(merchant=None).count()

    assert known == MERCHANTS
    assert Licence.objects.count() == known + 1


def test_no_two_shops_share_a_name_or_an_address_and_none_is_a_chain() -> None:
    names = list(Merchant.objects.values_list("name", flat=True))

    assert len(set(names)) == len(names)
    assert len(set(Merchant.objects.values_list("address", flat=True))) > 0.95 * len(names)
    assert [name for name in names if any(chain in name for chain in CHAINS)] == []


def test_small_shops_are_registered_and_others_licensed() -> None:
    registered = Q(licence_kind="small_eatery_registration")

    assert not Merchant.objects.filter(registered, floor_area_m2__gt=50).exists()
    assert not Merchant.objects.filter(~registered, ~Q(kind="canteen"), floor_area_m2__lte=50).exists()


def test_scale_follows_the_reference_stoves() -> None:
    assert not Merchant.objects.filter(scale="large", reference_stoves__lt=6).exists()
    assert not Merchant.objects.filter(scale="medium").exclude(reference_stoves__gte=3, reference_stoves__lt=6).exists()
    assert not Merchant.objects.filter(scale="small", reference_stoves__gte=3).exists()


def test_nothing_was_recorded_before_a_shop_opened_or_after_now() -> None:
    assert not CareRecord.objects.filter(Q(on__gt=AT.date()) | Q(recorded_at__gt=AT)).exists()
    assert not CareRecord.objects.filter(on__lt=F("merchant__opened_on")).exists()
    assert not CareRecord.objects.filter(kind=CareRecord.Kind.WASTE, kg=None).exists()


# ── sensing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _statistics() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 'window', t.* FROM window_fume t UNION ALL SELECT 'hour', t.* FROM hour_fume t"
                       " UNION ALL SELECT 'day', t.* FROM day_fume t ORDER BY 1, 2, 3")  # fmt: skip
        return list(cursor.fetchall())


def test_statistics_are_what_the_watch_makes_of_the_readings() -> None:
    before = _statistics()

    devices = list(Device.objects.values_list("pk", flat=True))
    statistics.recompute(in_force().catalogues, devices, AT - timedelta(days=readings.WINDOW_DAYS), AT)

    assert _statistics() == before


def test_windows_reckoned_in_memory_are_those_the_watch_reckons() -> None:
    catalogues = in_force().catalogues
    begins = readings.beginning(AT, readings.RAW_DAYS)
    device = Device.objects.filter(profile="ga-currents", state="active").select_related("merchant").first()
    assert device is not None
    cleaned = tuple(device.merchant.care.filter(kind="purifier_cleaned").order_by("on").values_list("on", flat=True))
    kitchen = kitchen_of(device.merchant, device.mn, cleaned, catalogues)
    source = KitchenSource(kitchen, ZONE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT at, fume_mg_m3, pm_mg_m3, fan_on FROM reading_fume WHERE device_id = %s AND at >= %s ORDER BY at",
                       [device.pk, begins])  # fmt: skip
        rows = cursor.fetchall()

    assert len(rows) > 2000
    for at, fume, pm, fan in rows:
        now = source(at)
        assert now is not None
        assert (now.fume_mg_m3, now.pm_mg_m3, now.fan_on) == (
            pytest.approx(fume, abs=1e-6),
            pytest.approx(pm, abs=1e-6),
            fan,
        )


def test_hours_and_days_of_a_fortnight_are_sums_of_their_windows() -> None:
    since = readings.beginning(AT, readings.WINDOW_DAYS)
    for step in ("hour", "day"):
        with connection.cursor() as cursor:
            cursor.execute(f"""
                SELECT count(*), count(*) FILTER (WHERE s.minutes = w.minutes AND s.fan_on_minutes = w.fan AND s.fume_max = w.top
                       AND abs(s.fume_mean - w.mean) < 0.002)
                FROM {step}_fume s JOIN (
                    SELECT device_id, date_trunc('{step}', at, 'Asia/Shanghai') AS at, sum(minutes) AS minutes,
                           sum(fan_on_minutes) AS fan, max(fume_max) AS top, sum(fume_mean * valid) / sum(valid) AS mean
                    FROM window_fume GROUP BY 1, 2
                ) w USING (device_id, at) WHERE s.at >= %s""", [since])  # fmt: skip
            compared, equal = cursor.fetchone()
        assert compared > 150
        assert compared == equal


def test_there_are_three_days_of_readings_a_fortnight_of_windows_and_three_months_of_days() -> None:
    spans = {}
    with connection.cursor() as cursor:
        for table in ("reading_fume", "window_fume", "day_fume"):
            cursor.execute(f"SELECT min(at), max(at) FROM {table}")
            first, last = cursor.fetchone()
            spans[table] = (AT - first).days, AT - last < timedelta(days=1)

    assert spans == {"reading_fume": (3, True), "window_fume": (14, True), "day_fume": (92, True)}


def _point_statistics() -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    with connection.cursor() as cursor:
        for table in read_back.POINTS:
            cursor.execute(f"SELECT * FROM {table} t ORDER BY t::text")
            found[table] = list(cursor.fetchall())
    return found


def test_statistics_of_traps_gas_alarms_meters_and_cameras_are_what_the_watch_makes_of_their_last_days() -> None:
    before = _point_statistics()
    devices = list(Device.objects.values_list("pk", flat=True))

    point_statistics.recompute(in_force().catalogues, devices, readings.beginning(AT, readings.RAW_DAYS), AT, AT)

    assert _point_statistics() == before


def test_these_have_three_months_of_days_too() -> None:
    with connection.cursor() as cursor:
        for table in ("day_grease", "day_gas", "day_power", "day_camera"):
            cursor.execute(f"SELECT device_id, min(at), count(*) FROM {table} GROUP BY device_id")
            for _, first, days in cursor.fetchall():
                assert ((AT - first).days, days) == (
                    readings.HISTORY_DAYS,
                    readings.HISTORY_DAYS + 1,
                ) or table == "day_camera"


def test_a_trap_falls_on_the_mornings_the_shop_has_it_on_record_and_on_no_other() -> None:
    traps = Device.objects.filter(kind="grease_trap")
    assert traps.filter(model="box").exists() or traps.count() < 4
    begins = AT - timedelta(days=readings.HISTORY_DAYS - 1)
    for trap in traps:
        with connection.cursor() as cursor:
            cursor.execute("""
                SELECT (at AT TIME ZONE 'Asia/Shanghai')::date FROM (
                    SELECT at, level_pct, lag(level_pct) OVER (ORDER BY at) AS before FROM reading_grease WHERE device_id = %s
                ) r WHERE before - level_pct > 5 AND at > %s ORDER BY at""", [trap.pk, begins])  # fmt: skip
            fell = [day for (day,) in cursor.fetchall()]
        emptied = trap.merchant.care.filter(kind="trap_emptied", on__gt=begins.date()).order_by("on")
        assert fell == list(emptied.values_list("on", flat=True))


def test_values_are_those_of_kitchens() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT avg(fume_mean) FILTER (WHERE fan_on_minutes = 10), avg(fume_mean) FILTER (WHERE fan_on_minutes = 0),"
                       " avg((fan_on_minutes > 0)::int), max(fume_max) FROM window_fume")  # fmt: skip
        cooking, idle, share, highest = cursor.fetchone()

    assert 0.2 < cooking < 1.2
    assert idle < 0.1
    assert 0.15 < share < 0.5
    assert 2 < highest <= 28


def test_alarms_judged_again_by_the_watch_stay_as_they_are() -> None:
    before = list(Alarm.objects.order_by("pk").values())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE watch_device SET dirty_from = %s, dirty_to = %s, due_at = %s",
                       [AT - timedelta(days=13), AT, AT])  # fmt: skip

    with transaction.atomic():
        judged = judging.judge(in_force(), AT)
        judging.judge_silence(in_force(), AT)
        after = list(Alarm.objects.order_by("pk").values())
        transaction.set_rollback(True)

    assert judged == Device.objects.filter(kind="fume_monitor").count()
    assert after == before


def test_standings_say_what_each_room_would_say() -> None:
    assert watch.write_device_states(in_force(), AT) == 0
    for standing in Standing.objects.all():
        issues = Issue.objects.filter(merchant=standing.merchant_id)
        alarms = Alarm.objects.filter(device__merchant=standing.merchant_id, cleared_at=None, observing=False)
        assert standing.open_issues == issues.open().count()
        assert standing.open_alarms == alarms.count()
        assert standing.last_issue_at == max(issues.values_list("reported_at", flat=True), default=None)


def test_some_monitors_are_dark_new_or_under_maintenance_and_some_are_strangers() -> None:
    states = Counter(Standing.objects.values_list("device_state", flat=True))

    assert states["offline"] >= 1
    assert states["maintenance"] >= 1
    assert Device.objects.filter(observe_until__gt=AT).exists()
    monitors = Device.objects.filter(kind="fume_monitor")
    assert {"plain-2017", "ga-currents", "sb-states"} >= set(monitors.values_list("profile", flat=True))
    assert UnknownDevice.objects.count() >= 2


def test_a_silence_of_more_than_a_day_has_its_issue_and_a_new_device_has_none() -> None:
    dark = Alarm.objects.filter(code="ALM-OFF", cleared_at=None, raised_at__lt=AT - timedelta(days=1, hours=1))

    assert all(alarm.issue_number for alarm in dark if not alarm.observing)
    assert not Alarm.objects.filter(observing=True).exclude(issue_number="").exists()


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nearly_all_issues_are_quick_at_grid_and_town() -> None:
    quick = Issue.objects.filter(flow="quick", level__in=["grid", "town"]).count()

    wanted = round(MERCHANTS * 1600 / 2780)
    assert Issue.objects.count() == wanted
    assert wanted - quick == max(
        1, round(0.005 * wanted)
    )  # half of one in a hundred; a small county has one to be looked at


def test_what_is_near_a_key_place_went_to_the_team_and_says_so() -> None:
    near = Issue.objects.filter(routing_why__facts__near_key_place=True)
    assert set(near.values_list("pk", flat=True)) == {
        issue.pk for issue in Issue.objects.exclude(lng=None) if near_key_place(issue.lng, issue.lat)
    }
    by_rule = near.filter(routing_rule__in=["R-46-KEY-PLACE-GRAVE", "R-47-KEY-PLACE"])
    assert by_rule.exists()
    given = MoveRow.objects.filter(issue__in=by_rule, move=Move.DISPATCH, version=1)
    assert set(given.values_list("to_unit__kind", flat=True)) == {"town_team"}


def test_every_issue_began_with_a_report_and_its_last_move_says_where_it_stands() -> None:
    for issue in Issue.objects.prefetch_related("moves"):
        moves = list(issue.moves.all())
        assert moves[0].move == Move.REPORT
        assert [move.version for move in moves] == list(range(len(moves)))
        assert issue.version == moves[-1].version
        assert issue.state == moves[-1].to_state
        assert [move.at for move in moves] == sorted(move.at for move in moves)
        assert moves[-1].at <= AT


def test_whoever_has_an_issue_works_where_it_was_given() -> None:
    posts = set(Post.objects.values_list("user_id", "unit_id"))

    for issue in Issue.objects.open():
        assert issue.lead_unit_id
        assert issue.lead_person_id is None or (issue.lead_person_id, issue.lead_unit_id) in posts
    given = Assignment.objects.exclude(person=None).values_list("person_id", "unit_id")
    assert set(given) <= posts


def test_nobody_closed_what_they_handled() -> None:
    handled = set(MoveRow.objects.filter(move__in=["handle", "feed_back"]).values_list("issue_id", "actor_id"))

    assert handled.isdisjoint(MoveRow.objects.filter(move="close").values_list("issue_id", "actor_id"))


def test_people_move_issues_in_their_hours_and_numbers_carry_the_county_s_day() -> None:
    moved = MoveRow.objects.exclude(actor=None).exclude(move=Move.REPORT)

    assert {row.at.astimezone(ZONE).hour for row in moved} <= set(range(8, 22))
    for issue in Issue.objects.all():
        assert issue.number.startswith(f"{issue.reported_at.astimezone(ZONE):%Y%m%d}")


def test_only_certified_officers_ordered_anything() -> None:
    certified = set(
        Post.objects.filter(role__in=["town_officer", "department_officer"]).values_list("user_id", flat=True)
    )
    ordered = MoveRow.objects.filter(Q(result="ordered") | Q(data__act="inspection"))

    assert {row.on_behalf_of_id or row.actor_id for row in ordered} <= certified


def test_reports_of_closed_issues_are_answered_and_others_are_not() -> None:
    ended = Q(issue__state__in=["closed", "dismissed"])

    assert Report.objects.exists()
    assert not Report.objects.filter(ended, answered_at=None).exists()
    assert not Report.objects.filter(issue__state__in=OPEN_STATES).exclude(answered_at=None).exists()


def test_pictures_are_few_synthetic_and_there_for_every_move_that_names_one(loaded: Loaded, settings: Any) -> None:
    settings.FILES_ROOT = loaded.files
    named = {sha for photos in MoveRow.objects.values_list("photos", flat=True) for sha in photos}
    files = StoredFile.objects.all()

    assert named <= set(files.values_list("sha256", flat=True))
    assert set(files.values_list("origin", flat=True)) == {Origin.SYNTHETIC}
    assert files.count() == 16
    assert all(file.path.exists() and file.small_path.exists() for file in files)


def test_alarms_and_issues_know_each_other() -> None:
    numbers = set(Alarm.objects.exclude(issue_number="").values_list("issue_number", flat=True))
    told = MoveRow.objects.filter(data__has_key="alarm")

    assert numbers == set(told.values_list("issue__number", flat=True))
    assert set(told.values_list("data__alarm", flat=True)) == set(
        Alarm.objects.exclude(issue_number="").values_list("pk", flat=True)
    )


# ── the level ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nearly_everybody_is_rated_and_most_are_level_one() -> None:
    levels = Counter(Standing.objects.values_list("fume_level", flat=True))

    assert levels[None] <= 0.1 * MERCHANTS
    assert levels[1] > 0.5 * MERCHANTS
    assert levels[2] > levels[3]


def test_levels_go_back_two_months_week_by_week() -> None:
    days = sorted(set(FumeScore.objects.values_list("day", flat=True)))
    back = [(rating_day(AT) - day).days for day in days]

    assert back == [56, 49, 42, 35, 28, 21, 14, 7, 1, 0]


def test_the_last_events_are_moves_and_alarms_of_today_and_not_many() -> None:
    newest = list(Entry.objects.order_by("-id").values_list("kind", "at")[1:7])

    assert Entry.objects.count() < 2 * MERCHANTS
    assert {kind.split(".")[0] for kind, _ in newest} <= {"issue", "alarm"}
    assert newest[0][1] > AT - timedelta(hours=3)


# ── the scenario ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_scenario_begins_with_a_quiet_shop_of_the_grid_members() -> None:
    staged = Device.objects.filter(mn__in=scenario.DEVICES)
    member = User.objects.get(username=scenario.MEMBER)

    assert staged.exists()
    for device in staged:
        assert device.merchant.grid == scenario.GRID
        assert device.merchant.in_built_up
        assert device.last_reading_at == pytest.approx(AT - scenario.SILENT, abs=timedelta(minutes=1))
        assert not Alarm.objects.filter(device=device, cleared_at=None).exists()
        assert not Issue.objects.open().filter(merchant=device.merchant, violation="L-FUME").exists()
    assert member.authority.grids == {scenario.GRID}
    assert User.objects.get(username=scenario.DISPATCHER).authority.towns == {scenario.TOWN}


def test_its_devices_bring_forty_high_minutes_and_others_only_what_was_not_heard() -> None:
    now = AT + timedelta(minutes=2)
    fleet = {device.mn: device for device in make_fleet(now)}
    staged = fleet[scenario.DEVICES[0]]

    assert len(staged.kept) == 40
    for minute in staged.kept:
        values = staged.source(minute)
        assert values is not None
        assert values.fume_mg_m3 is not None
        assert 2.0 < values.fume_mg_m3 < 4.0
        assert values.fan_on
    assert all(len(device.kept) <= 3 for mn, device in fleet.items() if mn not in scenario.DEVICES)


def test_the_dark_stay_silent_and_strangers_dial_in() -> None:
    fleet = {device.mn for device in make_fleet(AT + timedelta(minutes=2))}
    silent = Device.objects.filter(kind="fume_monitor").exclude(mn__in=fleet)
    strangers = fleet - set(Device.objects.values_list("mn", flat=True))

    assert {device.merchant.standing.device_state for device in silent} <= {"offline", "maintenance"}
    assert silent.exists()
    assert strangers <= set(UnknownDevice.objects.values_list("mn", flat=True))
    assert len(strangers) == 2


def test_its_phone_is_that_of_the_shop_s_owner() -> None:
    (owner,) = User.objects.with_phone(naming.phone("owner", 1))

    assert Device.objects.get(mn=scenario.DEVICES[0]).merchant_id in owner.authority.merchant_ids


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_real_county_is_left_alone() -> None:
    with transaction.atomic():
        User.objects.update(synthetic=False)
        with pytest.raises(CountyIsReal):
            load(merchants=MERCHANTS, at=AT, advance=lambda *_: None)
        transaction.set_rollback(True)


def test_inspections_are_by_two_certified_officers_within_the_cap_and_their_codes_say_they_are_simulated() -> None:
    held = set(Post.objects.filter(role__in=["town_officer", "department_officer"]).values_list("user_id", "unit_id"))
    made = list(Inspection.objects.all())

    assert {(who, one.unit_id) for one in made for who in (one.officer_id, one.second_officer_id)} <= held
    by_desk = [one for one in made if one.joint_shop_id is None]  # the verbs' own get theirs where the demo runs
    assert all(one.act_simulated and str(one.act_code).startswith("模拟-") for one in by_desk)
    planned = Counter((one.merchant_id, one.started_at.astimezone(ZONE).year) for one in by_desk if one.why == "plan")
    assert set(planned.values()) == {1}
    together = Counter(one.joint_shop_id for one in made if one.joint_shop_id)
    assert set(together.values()) <= {2, 3}, "several bodies at once"
    ordered = Issue.objects.filter(moves__result="ordered")
    assert not ordered.exclude(pk__in=[one.issue_id for one in made]).exists()
