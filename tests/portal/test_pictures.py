"""Pictures that come with a form: decoded before anything is written, kept only with what was done."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from lingxiu.accounts.models import User
from lingxiu.files.models import FileUse, StoredFile
from lingxiu.issues.lifecycle import Move
from lingxiu.policy.queries import in_force
from tests.cast import NOON, Cast, make_cast
from tests.issues.world import do, find
from tests.watched import HANDLER, Watched


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def picture() -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(out, "PNG")
    return SimpleUploadedFile("a.png", out.getvalue(), "image/png")


def send(user: User | None, address: str, **fields: Any) -> int:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.post(address, {"submission": str(uuid4()), **fields}).status_code


def complain(cast: Cast) -> int:
    token = cast.merchant.codes.get().token
    return send(None, f"/m/{token}/complain/", violation="P-SMOKE", seen_at="2026-03-05T11:40", photo=picture())


def report_a_find(cast: Cast) -> int:
    return send(cast.grid_member, "/issues/new/", violation="D-BIN", merchant=cast.merchant.pk, photo=picture())


def visit(cast: Cast) -> int:
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    return send(
        cast.grid_member, f"/issues/{issue.number}/moves/", move="handle", words="看了现场", photo_handle=picture()
    )


def check_oneself(cast: Cast) -> int:
    answers = {item.id: "yes" for item in in_force().catalogues.selfcheck.items}
    return send(cast.owner, f"/shop/{cast.merchant.pk}/check/", photo_exhaust=picture(), **answers)


def record_a_cleaning(cast: Cast) -> int:
    return send(cast.owner, f"/shop/{cast.merchant.pk}/cleaning/", on="2026-03-04", photo=picture())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", [complain, report_a_find, visit, check_oneself, record_a_cleaning])
def test_a_picture_is_read_and_decoded_while_no_transaction_holds_the_journal_back(form: Any, settings: Any) -> None:
    settings.FILE_UPLOAD_HANDLERS = [HANDLER]
    Watched.read_in_transaction.clear()
    assert form(make_cast()) == 302
    assert FileUse.objects.exists()
    assert Watched.read_in_transaction
    assert not any(Watched.read_in_transaction)


def test_a_move_that_is_refused_leaves_no_picture_behind(cast: Cast, settings: Any) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)  # not accepted yet, so no visit can be recorded
    refused = send(
        cast.grid_member, f"/issues/{issue.number}/moves/", move="handle", words="看了现场", photo_handle=picture()
    )
    assert refused == 409
    assert not StoredFile.objects.exists()
    assert not [path for path in Path(settings.FILES_ROOT).rglob("*") if path.is_file()]


def test_a_second_self_check_of_the_month_leaves_no_picture_behind(cast: Cast) -> None:
    answers = {item.id: "yes" for item in in_force().catalogues.selfcheck.items}
    send(cast.owner, f"/shop/{cast.merchant.pk}/check/", **answers)
    check_oneself(cast)
    assert not StoredFile.objects.exists()
