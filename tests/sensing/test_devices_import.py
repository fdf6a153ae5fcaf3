"""A list of devices: each row taken in once, matched to its shop, refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone, translation

from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.merchants.sheets import FileRefused, write
from lingxiu.sensing.devices_import import Report, import_devices
from lingxiu.sensing.models import Device, Maintainer
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import make_device
from tests.sensing.test_pages import reader

__all__ = ["plain_static", "reader"]

HEAD = ["设备编号", "许可证编号", "商户码", "商户名称", "设备协议", "厂家", "运维单位", "应答方式"]


def take(rows: list[list[str]], dry_run: bool = False) -> Report:
    with translation.override("en"):
        data = write(HEAD, rows)
        return import_devices(
            data, "list.xlsx", merchants=Merchant.objects.all(), dry_run=dry_run, at=timezone.now(), by=1
        )


def outcomes(report: Report) -> list[str]:
    return [row.outcome for row in report.rows]


def test_devices_are_registered_once_however_often_the_list_comes(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.merchant.pk).update(licence_no="JY23304210000001")
    Maintainer.objects.create(name="某某运维")
    token = cast.other_merchant.codes.get().token
    rows = [
        ["A1", "jy23304210000001", "", "", "plain-2017", "V", "某某运维"],
        ["A2", "", f"https://example.test/m/{token}", "", "plain-2017", "", ""],
        ["A3", "", "", cast.merchant.name, "sb-states", "", ""],
    ]
    assert outcomes(take(rows, dry_run=True)) == ["created"] * 3
    assert not Device.objects.exists()
    assert outcomes(take(rows)) == ["created"] * 3
    assert outcomes(take(rows)) == ["unchanged"] * 3
    assert {one.mn: one.merchant for one in Device.objects.all()} == {
        "A1": cast.merchant, "A2": cast.other_merchant, "A3": cast.merchant,
    }  # fmt: skip
    assert [one.events.get().kind for one in Device.objects.all()] == ["installed"] * 3
    assert Entry.objects.filter(kind="device.registered").count() == 3
    rows[0][5], rows[2][4] = "W", "plain-2017"
    assert outcomes(take(rows)) == ["changed", "unchanged", "changed"]
    assert Device.objects.get(mn="A1").vendor == "W"
    assert [one.kind for one in Device.objects.get(mn="A3").events.all()] == ["installed", "profile_changed"]


def test_how_a_device_is_answered_may_stand_in_the_list(cast: Cast) -> None:
    def row(style: str) -> list[list[str]]:
        return [["A1", "", "", cast.merchant.name, "plain-2017", "", "", style]]

    assert outcomes(take(row("st21"))) == ["created"]
    assert outcomes(take(row(""))) == ["unchanged"]
    assert Device.objects.get(mn="A1").ack_style == "st21"
    assert outcomes(take(row("2005"))) == ["changed"]
    assert outcomes(take(row("profile"))) == ["changed"]
    assert Device.objects.get(mn="A1").ack_style == ""
    notes = [one.note for one in Device.objects.get(mn="A1").events.filter(kind="profile_changed")]
    assert notes == [
        "plain-2017 → plain-2017, st21",
        "plain-2017, st21 → plain-2017, 2005",
        "plain-2017, 2005 → plain-2017",
    ]
    assert "known: profile, 2005, 2017, 2025, st21" in take(row("9014")).refused[0].why


def test_a_bad_row_says_why_and_stops_no_other(cast: Cast) -> None:
    make_device(cast.other_merchant.pk, "ELSEWHERE")
    make_device(cast.merchant.pk, "GONE", state="retired")
    name = cast.merchant.name
    report = take([
        ["", "", "", name, "plain-2017", "", ""],
        ["A1", "", "", "没有这家店", "plain-2017", "", ""],
        ["A2", "", "", name, "no such", "", ""],
        ["A3", "", "", name, "", "", ""],
        ["A4", "", "", name, "plain-2017", "", "没有这家公司"],
        ["ELSEWHERE", "", "", name, "plain-2017", "", ""],
        ["GONE", "", "", name, "plain-2017", "", ""],
        ["GOOD", "", "", name, "plain-2017", "", ""],
        ["GOOD", "", "", name, "plain-2017", "", ""],
    ])  # fmt: skip
    assert outcomes(report) == ["refused"] * 7 + ["created", "refused"]
    for row, word in zip(
        report.refused,
        ("MN", "No shop", "No profile", "needs a profile", "No company", "It stands at", "out of use", "already"),
        strict=True,
    ):
        assert word in row.why
    assert set(Device.objects.values_list("mn", flat=True)) == {"ELSEWHERE", "GONE", "GOOD"}


def test_a_file_that_is_no_list_of_devices_is_refused() -> None:
    for data, name in ((b"a,b\n1,2", "x.csv"), (b"nothing", "x.pdf")):
        with pytest.raises(FileRefused):
            import_devices(data, name, merchants=Merchant.objects.none(), dry_run=True, at=timezone.now())


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_looks_first_and_then_takes_in(reader: Any, cast: Cast, language: str) -> None:
    client, headers = reader("county_officer"), {"accept-language": language}
    assert client.get("/sensing/import/", headers=headers).status_code == 200

    def send(wish: str) -> Any:
        body = f"mn,merchant,profile\nA1,{cast.merchant.name},plain-2017\nA2,?,plain-2017\n".encode()
        said = {"file": SimpleUploadedFile("list.csv", body), "wish": wish}
        return client.post("/sensing/import/", said, headers=headers)

    assert "A2" in send("look").content.decode()
    assert not Device.objects.exists()
    send("take")
    assert Device.objects.get().mn == "A1"
    assert client.post("/sensing/import/", {}, headers=headers).status_code == 422
