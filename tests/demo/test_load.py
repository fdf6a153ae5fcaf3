"""How the demo is loaded: whole or not at all, and what many rows at once are written with."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection, transaction

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.demo.bulk import copy, copy_columns
from lingxiu.demo.load import load
from lingxiu.files.models import FileUse
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.territory.models import Area
from tests.cast import Cast

AT = datetime(2026, 11, 19, 18, 55, tzinfo=ZoneInfo("Asia/Shanghai"))


class Killed(Exception):
    """The process ended here."""


@pytest.mark.django_db
def test_a_load_that_is_killed_half_way_leaves_nothing() -> None:
    def killed(what: str, done: int, total: int) -> None:
        if "merchants" in what and done == total:
            raise Killed

    with pytest.raises(Killed), transaction.atomic():
        load(merchants=20, at=AT, advance=killed)

    assert not any(model.objects.exists() for model in (Area, Unit, User, Merchant))


def test_rows_are_copied_with_what_they_point_to(cast: Cast) -> None:
    records = [
        CareRecord(merchant=cast.merchant, kind="trap_emptied", on=AT.date(), recorded_at=AT, kg=kg)
        for kg in (None, 2.5)
    ]

    copy(records)
    copy([])

    assert sorted(CareRecord.objects.values_list("merchant_id", "on", "kg"), key=str) == [
        (cast.merchant.pk, AT.date(), 2.5),
        (cast.merchant.pk, AT.date(), None),
    ]


@pytest.mark.django_db
def test_a_row_saved_after_it_was_pointed_to_is_found() -> None:
    parent = Unit(code="above", kind=UnitKind.COUNTY_OFFICE, name="上级")
    child = Unit(code="below", kind=UnitKind.DEPARTMENT, name="下级", parent=parent)
    parent.save()

    copy([child])

    assert Unit.objects.get(code="below").parent == parent
    assert not FileUse.objects.exists()


@pytest.mark.django_db
def test_columns_are_copied_in_postgresql_s_own_form() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (a smallint, b integer, c timestamptz, d real, e boolean)")
        columns = {
            "a": np.array([1, -2], dtype=np.int16), "b": np.array([70_000, -1], dtype=np.int32),
            "c": np.array([0, 86_400_000_000]), "d": np.array([0.125, -3.5], dtype=np.float32), "e": np.array([True, False]),
        }  # fmt: skip

        copy_columns("copied", columns)

        cursor.execute("SELECT a, b, c::text, d, e FROM copied ORDER BY b DESC")
        assert [(a, b, c[:10], d, e) for a, b, c, d, e in cursor.fetchall()] == [
            (1, 70_000, "2000-01-01", 0.125, True),
            (-2, -1, "2000-01-02", -3.5, False),
        ]
