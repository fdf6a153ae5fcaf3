"""The 12345 centre's list: as it really is, in; the same with answers, out. One bad row loses nothing else."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import CliRunner
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from python_calamine import CalamineWorkbook

from lingxiu.accounts.models import User
from lingxiu.exchange.hotline.importing import Outcome, answers_sheet, import_orders, result_sheet
from lingxiu.exchange.hotline.sheet import COLUMNS, OURS, VIOLATIONS, FileRefused, read
from lingxiu.issues import elsewhere, overdue
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, Reminder, Report
from lingxiu.journal.models import Entry
from lingxiu.notices.actions import tell
from lingxiu.notices.models import Notice
from lingxiu.policy.queries import in_force
from tests.cast import Cast, make_merchant
from tests.issues.world import LATER, do, find, to_closed

PAGE = "/exchange/12345/"
UPPER = ["序号", "工单信息", "", "诉求人", "", "诉求内容", "被反映单位", "所属镇街", "诉求地址", "办理结果"]
LOWER = ["", "工单编号", "来电时间", "姓名", "联系电话", "", "", "", "", ""]
ORDERS: list[list[Any]] = [
    [1, "JX26030500001", datetime(2026, 3, 4, 22, 40), "王小明", "13900001234", "楼下油烟直排，晚上没法开窗", "一鲜居",
     "魏塘街道", "人民大道1号", ""],
    [2, "JX26030500002", "2026/3/5 8:05", "李女士", "139****5678", "凌晨倒泔水，味道很大", "", "西塘", "古镇北栅街一带", ""],
    [3, "JX26030500001", datetime(2026, 3, 4, 22, 40), "王小明", "13900001234", "同一工单又派一次", "", "", "", ""],
    [4, "JX26030500003", "昨天晚上", "张先生", "13900001235", "噪声", "", "魏塘街道", "中山路", ""],
    [5, "", "2026-03-05 09:00", "", "", "没有编号", "", "", "", ""],
    [6, "JX26030500004", "2026年3月5日 9时30分", "", "", "大排档占道油烟", "阿三大排档", "魏塘街道", "夜市口", ""],
]  # fmt: skip


def workbook(orders: list[list[Any]] = ORDERS, *, title: str = "嘉善县12345交办单（3月5日）") -> bytes:
    """As the centre exports it: a merged title, two header rows merged both ways, then the orders."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        page, time = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        page.merge_range(0, 0, 0, len(UPPER) - 1, title)
        page.merge_range(1, 1, 1, 2, "工单信息")
        page.merge_range(1, 3, 1, 4, "诉求人")
        for column, name in enumerate(UPPER):
            if LOWER[column]:
                page.write(2, column, LOWER[column])
            else:
                page.merge_range(1, column, 2, column, name)
        for number, order in enumerate(orders, start=3):
            for column, cell in enumerate(order):
                if isinstance(cell, datetime):
                    page.write_datetime(number, column, cell, time)
                else:
                    page.write(number, column, cell)
    return out.getvalue()


def take(orders: list[list[Any]] = ORDERS, *, by: User | None = None, dry_run: bool = False) -> Any:
    return import_orders(read(workbook(orders), "12345.xlsx"), dry_run=dry_run, at=LATER, by=by)


def cells(data: bytes) -> list[list[Any]]:
    found: list[list[Any]] = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    return found


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_taken_in_row_by_row(cast: Cast) -> None:
    result = take(by=cast.county_officer)
    assert [row.outcome for row in result.rows] == [
        Outcome.NEW, Outcome.NEW, Outcome.TWICE, Outcome.REFUSED, Outcome.REFUSED, Outcome.NEW,
    ]  # fmt: skip
    assert [row.number for row in result.rows] == [4, 5, 6, 7, 8, 9]
    known, by_place, stall = Report.objects.order_by("own_number")
    assert (known.merchant, known.words, known.reporter_phone) == (cast.merchant, ORDERS[0][5], "13900001234")
    assert known.seen_at == datetime(2026, 3, 4, 14, 40, tzinfo=UTC)
    assert known.issue.violation == "P-SMOKE"
    assert (by_place.merchant, by_place.issue.town, by_place.reporter_phone) == (None, "330421103", "")
    assert by_place.seen_at == datetime(2026, 3, 5, 0, 5, tzinfo=UTC)
    assert stall.place == "阿三大排档 夜市口"
    assert {report.source for report in Report.objects.all()} == {"12345"}
    assert [due for due in Report.objects.values_list("due_at", flat=True) if due <= LATER] == []


def test_a_wrong_row_is_told_row_field_value_and_mend(cast: Cast) -> None:
    result = take()
    time, number = result.refused
    assert time.fault is not None
    assert (time.fault.field, time.fault.value) == ("seen_at", "昨天晚上")
    assert time.fault.mend
    assert "昨天晚上" in time.line()
    assert number.fault is not None
    assert number.fault.field == "own_number"


def test_the_same_list_again_adds_nothing_and_says_so(cast: Cast) -> None:
    take()
    again = take()
    assert [row.outcome for row in again.rows] == [
        Outcome.KNOWN, Outcome.KNOWN, Outcome.TWICE, Outcome.REFUSED, Outcome.REFUSED, Outcome.KNOWN,
    ]  # fmt: skip
    assert Report.objects.count() == Issue.objects.count() == 3
    changed = [[*ORDERS[0][:3], "王大明", ORDERS[0][4], *ORDERS[0][5:]]]
    (row,) = take(changed).rows
    assert row.outcome == Outcome.KNOWN
    assert len(row.told) == 1


def test_a_dry_run_says_the_same_and_writes_nothing(cast: Cast) -> None:
    dry = take(dry_run=True)
    assert Report.objects.count() == Issue.objects.count() == 0
    assert [row.outcome for row in dry.rows] == [row.outcome for row in take().rows]


def test_a_shop_is_known_by_its_exact_name_in_the_town_else_suggested(cast: Cast) -> None:
    make_merchant("一鲜居面馆", cast.merchant.area, 120.93, 30.85)  # type: ignore[arg-type]  # it has an area
    make_merchant("老街面馆", cast.merchant.area, 120.94, 30.85)  # type: ignore[arg-type]  # the same

    def order(number: str, shop: str, town: str) -> list[Any]:
        return [1, number, "2026-03-05 09:00", "", "", "油烟", shop, town, "某处", ""]

    rows = take(
        [
            order("1", "一鲜居", "魏塘街道"),
            order("2", "一鲜", "魏塘"),
            order("3", "老街面馆", ""),
            order("4", "不知道", ""),
        ]
    ).rows
    assert [row.outcome for row in rows] == [Outcome.NEW] * 4
    found = [report.merchant for report in Report.objects.order_by("own_number")]
    assert found == [cast.merchant, None, None, None]
    assert "一鲜居" in rows[1].told[0]
    assert "一鲜居面馆" in rows[1].told[0]
    assert rows[2].told != []


def test_a_licence_number_names_the_shop(cast: Cast) -> None:
    cast.merchant.licence_no = "JY23304210012345"
    cast.merchant.save()
    text = "工单编号,来电时间,诉求内容,许可证号\nA1,2026-03-05 09:00,油烟,JY23304210012345\n".encode("gb18030")
    import_orders(read(text, "12345.csv"), dry_run=False, at=LATER)
    assert Report.objects.get().merchant == cast.merchant


def test_a_dispatcher_sees_their_own_towns_shops_alone(cast: Cast) -> None:
    orders = [[1, "1", "2026-03-05 09:00", "", "", "油烟", "老街面馆", "", "某处", ""]]
    take(orders, by=cast.dispatcher)
    report = Report.objects.get()
    assert (report.merchant, report.issue.town) == (None, "330421001")


@pytest.mark.parametrize(
    ("said", "violation"),
    [
        ("楼下油烟", "P-SMOKE"),
        ("气味难闻", "P-SMELL"),
        ("空调噪音", "P-NOISE"),
        ("下水道污水", "P-DRAIN"),
        ("不退钱", "P-OTHER"),
    ],
)
def test_what_it_is_about_is_seen_by_its_words(said: str, violation: str, cast: Cast) -> None:
    take([[1, "1", "2026-03-05 09:00", "", "", said, "", "", "某处", ""]])
    assert Issue.objects.get().violation == violation


def test_the_words_lead_to_what_people_may_complain_of(cast: Cast) -> None:
    public = {row.id for row in in_force().catalogues.violations if row.public}
    assert set(VIOLATIONS) <= public
    assert set(OURS) < set(COLUMNS)


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"", "a.xlsx"), (b"PK\x03\x04", "a.xlsx"), (b"\xff\xff\xff", "a.csv"), (b"a,b\n1,2", "a.csv"), (b"x", "a.pdf"),
     ("工单编号,标题\n1,2".encode(), "a.csv")],
)  # fmt: skip
def test_what_is_no_list_of_orders_is_refused_in_words(data: bytes, name: str) -> None:
    with pytest.raises(FileRefused, match=name):
        read(data, name)


def test_a_sheet_that_claims_millions_is_refused() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        page = book.add_worksheet()
        page.write(0, 0, "工单编号")
        page.write(1_048_575, 16_383, "x")
    with pytest.raises(FileRefused):
        read(out.getvalue(), "far.xlsx")


def test_merged_areas_that_claim_everything_fill_no_more_than_there_is() -> None:
    honest = io.BytesIO()
    with xlsxwriter.Workbook(honest) as book:
        page = book.add_worksheet()
        for column, name in enumerate(["工单编号", "来电时间", "诉求内容"]):
            page.write(0, column, name)
        page.merge_range("A2:B3", "A1")
    hostile = io.BytesIO()
    with zipfile.ZipFile(honest) as old, zipfile.ZipFile(hostile, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, old.read(entry).replace(b"A2:B3", b"A2:XFD1048576"))
    table = read(hostile.getvalue(), "merged.xlsx")
    assert [cells for _number, cells in table.rows] == [["A1", "A1", "A1"]]


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_comes_back_with_what_became_of_each(cast: Cast) -> None:
    take(by=cast.county_officer)
    first = Report.objects.get(own_number="JX26030500001").issue
    do(first, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, first, answer="已清洗净化器，复测正常")
    again = take(by=cast.county_officer, dry_run=True)
    back = cells(result_sheet(again, cast.county_officer))
    assert back[0][0] == "嘉善县12345交办单（3月5日）"
    assert back[2][1:5] == LOWER[1:5]
    head = back[2]
    answer, number, state, error = (head.index(name) if name in head else back[1].index(name)
                                    for name in ("办理结果", "本系统编号", "办理状态", "导入提示"))  # fmt: skip
    assert answer == 9  # the centre's own column is filled
    assert (back[3][number], back[3][state], back[3][answer]) == (first.number, "已办结", "已清洗净化器，复测正常")
    assert back[4][answer] == ""
    assert "昨天晚上" in back[6][error]
    assert back[3][1] == "JX26030500001"


def test_what_came_back_can_be_taken_in_again(cast: Cast) -> None:
    back = result_sheet(take(), None)
    result = import_orders(read(back, "back.xlsx"), dry_run=False, at=LATER)
    assert [row.outcome for row in result.rows][:2] == [Outcome.KNOWN, Outcome.KNOWN]
    assert Report.objects.count() == 3


# ── the page and the command ─────────────────────────────────────────────────────────────────────────────────────


def browser(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def upload(user: User, wish: str) -> Any:
    file = SimpleUploadedFile("12345.xlsx", workbook())
    return browser(user).post(PAGE, {"file": file, "wish": wish})


def test_the_page_looks_takes_in_and_gives_back(cast: Cast) -> None:
    looked = upload(cast.dispatcher, "look")
    assert looked.status_code == 200
    assert "Nothing was written" in looked.content.decode()
    assert Report.objects.count() == 0
    taken = upload(cast.dispatcher, "take").content.decode()
    assert "昨天晚上" in taken
    assert Report.objects.count() == 3
    back = upload(cast.dispatcher, "sheet")
    assert back["Content-Disposition"].startswith("attachment")
    assert cells(back.content)[3][1] == "JX26030500001"
    assert Report.objects.count() == 3
    assert browser(cast.dispatcher).post(PAGE, {"wish": "take"}).status_code == 422


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_stands_in_both_languages(language: str, cast: Cast) -> None:
    client = Client(headers={"accept-language": language})
    client.force_login(cast.dispatcher)
    assert client.get(PAGE).status_code == 200


def test_the_answers_of_a_period_in_the_centres_columns(cast: Cast) -> None:
    take(by=cast.county_officer)
    issue = Report.objects.get(own_number="JX26030500001").issue
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, issue, answer="已清洗")

    def rows(user: User, **query: str) -> list[list[Any]]:
        return cells(browser(user).get(f"{PAGE}answers.xlsx", query).content)

    everything = rows(cast.county_officer, **{"from": "2026-03-05", "to": "2026-03-05"})
    assert everything[0][:2] == ["工单编号", "诉求时间"]
    assert [row[0] for row in everything[1:]] == ["JX26030500001", "JX26030500002", "JX26030500004"]
    first = dict(zip(everything[0], everything[1], strict=True))
    assert (first["答复内容"], first["办理状态"], first["是否属实"], first["被反映单位"]) == (
        "已清洗",
        "已办结",
        "是",
        "一鲜居",
    )
    assert not any(secret in str(everything) for secret in ("王小明", "13900001234", "没法开窗"))
    assert [row[0] for row in rows(cast.dispatcher)[1:]] == ["JX26030500001", "JX26030500004"]
    assert len(rows(cast.county_officer, **{"from": "2026-02-01", "to": "2026-02-28"})) == 1
    client = browser(cast.county_officer)
    for query in ({"from": "2026-03-05", "to": "2026-03-01"}, {"from": "2020-01-01", "to": "2026-03-01"}):
        assert client.get(f"{PAGE}answers.xlsx", query).status_code == 422
    assert client.get(f"{PAGE}answers.xlsx", {"from": "9999-12-31"}).status_code == 200
    assert date(2026, 3, 5) == LATER.date()


def test_the_command_takes_orders_in(cast: Cast, tmp_path: Path) -> None:
    from lingxiu.cli import main

    file, back = tmp_path / "12345.xlsx", tmp_path / "back.xlsx"
    file.write_bytes(workbook())
    type_in = CliRunner()
    dry = type_in.invoke(main, ["import", "complaints", str(file), "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert Report.objects.count() == 0
    assert "JX26030500004" in dry.output
    done = type_in.invoke(main, ["import", "complaints", str(file), "--result", str(back)])
    assert done.exit_code == 0, done.output
    assert Report.objects.count() == 3
    assert cells(back.read_bytes())[3][1] == "JX26030500001"
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"no workbook")
    assert type_in.invoke(main, ["import", "complaints", str(broken)]).exit_code == 1


# ── by when ──────────────────────────────────────────────────────────────────────────────────────────────────────

BY_WHEN = "工单编号,来电时间,工单类型,诉求内容,诉求地址,办理期限\n"


def listed(*rows: str, at: datetime = LATER, by: User | None = None, dry_run: bool = False) -> Any:
    text = BY_WHEN + "".join(f"{row}\n" for row in rows)
    return import_orders(read(text.encode(), "12345.csv"), dry_run=dry_run, at=at, by=by)


def test_the_centres_own_due_time_holds_for_the_answer_and_stays_in_its_column(cast: Cast) -> None:
    result = listed(
        "A1,2026-03-05 09:00,投诉,油烟,某处,2026-03-09 12:00", "A2,2026-03-05 09:00,投诉,油烟,某处,2026-03-09"
    )
    first, second = Report.objects.order_by("own_number")
    assert (timezone.localtime(first.due_at), first.due_by) == (
        datetime(2026, 3, 9, 12, tzinfo=timezone.get_current_timezone()), "centre",
    )  # fmt: skip
    assert f"{timezone.localtime(second.due_at):%m-%d %H:%M:%S}" == "03-09 23:59:59"
    header, row, _other = cells(result_sheet(result, None))
    assert row[header.index("办理期限")] == "2026-03-09 12:00"
    assert row[header.index("本系统答复期限")] == "2026-03-09 12:00"


@pytest.mark.parametrize(
    ("kind", "day", "said"),
    [("咨询", 10, "consult"), ("求助类", 12, "help"), ("投诉举报", 16, "complaint"), ("其他", 12, "")],
)
def test_without_one_the_kind_of_order_says_by_when(cast: Cast, kind: str, day: int, said: str) -> None:
    listed(f"A1,2026-03-05 09:00,{kind},油烟,某处,")
    report = Report.objects.get()
    assert (timezone.localdate(report.due_at), report.due_by) == (date(2026, 3, day), said)


def test_a_due_time_that_cannot_be_read_is_told_and_ours_holds(cast: Cast) -> None:
    (row,) = listed("A1,2026-03-05 09:00,,油烟,某处,尽快").rows
    assert row.outcome == Outcome.NEW
    assert "尽快" in row.told[0]
    assert Report.objects.get().due_by == ""


def test_an_order_answered_while_it_is_open_stands_so_in_the_sheet_of_answers(cast: Cast) -> None:
    listed("A1,2026-03-05 09:00,投诉,油烟,某处,2026-03-09 12:00")
    report = Report.objects.get()
    do(report.issue, Move.ANSWER, cast.county_officer, report=report.pk, answer="正在安排", interim=True)
    do(report.issue, Move.ANSWER, cast.county_officer, report=report.pk, answer="已派人查看")
    header, row = cells(answers_sheet(cast.county_officer, LATER - timedelta(days=1), LATER + timedelta(days=1)))
    assert row[header.index("本系统办理进展")] == "正在安排"
    assert (row[header.index("答复内容")], row[header.index("本系统答复期限")]) == ("已派人查看", "2026-03-09 12:00")
    assert row[header.index("答复时间")] != ""


# ── brought once more ────────────────────────────────────────────────────────────────────────────────────────────

FIRST = "A1,2026-03-05 09:00,投诉,油烟,某处,2026-03-09 12:00"
EARLIER = "A1,2026-03-05 09:00,投诉,油烟,某处,2026-03-06 12:00"
MORE = "A1,2026-03-05 09:00,投诉,油烟很大，老人住院,某处,2026-03-09 12:00"


def local(at: datetime) -> str:
    return f"{timezone.localtime(at):%m-%d %H:%M}"


def kinds_of(report: Report) -> list[str]:
    entries = Entry.objects.filter(subject_kind="report", subject_id=str(report.pk)).exclude(kind="report.taken")
    return list(entries.order_by("pk").values_list("kind", flat=True))


def test_an_order_wanted_earlier_is_due_earlier_and_says_so(cast: Cast) -> None:
    listed(FIRST)
    with override("en"):
        (row,) = listed(EARLIER, by=cast.county_officer).rows
    report = Report.objects.get()
    assert row.outcome == Outcome.CHANGED
    assert row.told == ["due EARLIER: 2026-03-06 12:00, was 2026-03-09 12:00"]
    assert (local(report.due_at), report.due_by) == ("03-06 12:00", "centre")
    assert kinds_of(report) == ["report.due_earlier"]
    note = report.issue.moves.latest("version")
    assert (note.move, note.actor, note.data["again"]) == ("note", cast.county_officer, "A1")
    assert [row.outcome for row in listed(EARLIER).rows] == [Outcome.KNOWN], "the same once more changes nothing"
    assert kinds_of(report) == ["report.due_earlier"]


def test_new_words_of_an_order_stand_beside_the_old_with_those_who_read_reports(cast: Cast) -> None:
    listed(FIRST)
    (row,) = listed(MORE).rows
    report = Report.objects.get()
    assert row.outcome == Outcome.CHANGED
    assert (report.words, [one.words for one in report.additions.filter(brought=True)]) == (
        "油烟",
        ["油烟很大，老人住院"],
    )
    assert kinds_of(report) == ["report.said_again"]
    assert "老人" not in str(list(report.issue.moves.values())), "the issue's record is read by the grid as well"
    assert [row.outcome for row in listed(MORE).rows] == [Outcome.KNOWN]
    assert [row.outcome for row in listed(FIRST).rows] == [Outcome.CHANGED], "the centre took its words back"


def test_a_dry_run_of_a_changed_order_says_it_and_changes_nothing(cast: Cast) -> None:
    listed(FIRST)
    (row,) = listed(EARLIER, dry_run=True).rows
    report = Report.objects.get()
    assert row.outcome == Outcome.CHANGED
    assert (local(report.due_at), kinds_of(report)) == ("03-09 12:00", [])


def test_an_order_that_was_answered_stays_as_it_was_answered(cast: Cast) -> None:
    listed(FIRST)
    report = Report.objects.get()
    do(
        report.issue,
        Move.ANSWER,
        cast.county_officer,
        report=report.pk,
        answer="已派人查看",
        at=LATER + timedelta(minutes=5),
    )
    (row,) = listed(EARLIER, at=LATER + timedelta(hours=1)).rows
    report.refresh_from_db()
    assert (row.outcome, local(report.due_at), kinds_of(report)[1:]) == (Outcome.KNOWN, "03-09 12:00", [])
    assert len(row.told) == 1


def test_a_dispatcher_changes_no_order_of_another_town(cast: Cast) -> None:
    take([[1, "Z1", "2026-03-05 09:00", "", "", "油烟", "", "西塘镇", "某处", ""]])
    (row,) = take([[1, "Z1", "2026-03-05 09:00", "", "", "油烟大", "", "西塘镇", "某处", ""]], by=cast.dispatcher).rows
    assert row.outcome == Outcome.KNOWN
    assert Report.objects.get().additions.count() == 0


def test_what_was_warned_of_by_the_old_time_is_warned_of_by_the_new_one(cast: Cast) -> None:
    listed(FIRST)
    report = Report.objects.get()
    late = datetime(2026, 3, 9, 13, tzinfo=timezone.get_current_timezone())
    rules = [rule.id for rule in in_force().catalogues.escalation if rule.clock == "answer"]
    overdue.follow_up(late)
    assert {row.rule for row in Reminder.objects.filter(clock=f"answer:{report.pk}")} == set(rules)
    listed("A1,2026-03-05 09:00,投诉,油烟,某处,2026-03-20 12:00", at=late)
    assert overdue.passed_of(report.issue_id, late) == []
    again = [
        one.rule
        for one in overdue.passed_of(report.issue_id, late + timedelta(days=12))
        if one.clock == f"answer:{report.pk}"
    ]
    assert set(again) == set(rules)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("A1,2026-03-05 09:00,投诉,油烟很大,人民大道8号后门,", "perhaps the same as issue"),
        ("A1,2026-03-05 09:00,投诉,噪音,人民大道8号后门,", ""),
        ("A1,2026-03-05 09:00,投诉,油烟很大,中山路99号,", ""),
    ],
)
def test_the_dry_run_names_what_is_open_already_and_may_be_the_same(row: str, told: str, cast: Cast) -> None:
    listed("B1,2026-03-05 08:00,投诉,油烟,人民大道8号后门,")
    with override("en"):
        (looked,) = listed(row, dry_run=True).rows
    assert looked.outcome == Outcome.NEW
    assert [line.partition(" 2026")[0] for line in looked.told] == ([told] if told else [])


def test_it_names_the_row_of_the_list_itself_and_the_issue_that_goes_by_the_number(cast: Cast) -> None:
    issue = find(cast.town_officer, merchant=cast.merchant)
    elsewhere.note(issue.number, "hotline", "A3", actor=cast.town_officer, at=LATER)
    row = "{},2026-03-05 08:00,投诉,油烟,人民大道8号后门,"
    with override("en"):
        _first, second, third = listed(row.format("A1"), row.format("A2"), row.format("A3"), dry_run=True).rows
    assert [line.partition(":")[0] for line in second.told] == ["perhaps the same as row 2 of this list"]
    assert third.told == [f"issue {issue.number} goes by this number already"]


def test_whoever_has_it_is_told_that_it_is_wanted_earlier(cast: Cast) -> None:
    listed(FIRST, by=cast.dispatcher)
    issue = Report.objects.get().issue
    listed(EARLIER, by=cast.county_officer)
    tell(list(Entry.objects.order_by("pk")), at=LATER)
    told = Notice.objects.filter(rule="N-DUE-EARLIER")
    assert [(one.person, one.subject_id) for one in told] == [(cast.dispatcher, issue.number)]
