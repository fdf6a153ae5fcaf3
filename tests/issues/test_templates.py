"""The page of Word templates: one that cannot be used changes nothing, versions are kept, one goes back to any of them."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from docx import Document

from lingxiu.accounts.models import Unit, User
from lingxiu.issues.template_models import PaperTemplate
from lingxiu.issues.word_templates import SHIPPED, bring, for_notice, use_again, use_shipped
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast
from tests.issues.test_template_check import paper
from tests.pages import plain_static

__all__ = ["plain_static"]

PATH = "/issues/templates/"


def send(user: User, data: bytes, unit: Unit | None = None, **more: Any) -> Any:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    sent = {
        "unit": unit.pk if unit else "county",
        "template": SimpleUploadedFile("本局.docx", data),
        "submission": str(uuid4()),
    }
    return client.post(PATH, {**sent, "act": "use", **more})


@pytest.fixture
def papers() -> dict[str, bytes]:
    """Made once: an archive bears the time it was made."""
    return {words: paper(words) for words in ("一", "二")}


def used(unit: Unit, responsible: str = "") -> bytes:
    return for_notice(unit, responsible)


def test_what_a_body_brings_is_used_for_its_notices_alone(cast: Cast, plain_static: None) -> None:
    own = paper("本局格式")
    assert send(cast.administrator, own, cast.enforcement).status_code == 302
    assert used(cast.enforcement) == own
    assert used(cast.ecology) == SHIPPED.read_bytes()
    assert used(cast.town_team, cast.enforcement.code) == own, "a town's team writes by the power it was given"
    assert Entry.objects.get(kind="paper_template.brought").unit_id == cast.enforcement.pk


def test_the_county_s_is_used_where_a_body_has_none(cast: Cast) -> None:
    county, own = paper("县格式"), paper("本局格式")
    bring(None, county, "county.docx", by=cast.administrator, at=NOON)
    bring(cast.ecology, own, "own.docx", by=cast.administrator, at=NOON)
    assert (used(cast.ecology), used(cast.market)) == (own, county)


def test_versions_are_kept_and_one_goes_back_to_them_or_to_the_shipped_one(
    cast: Cast, papers: dict[str, bytes]
) -> None:
    first, second = (bring(cast.ecology, data, "x.docx", by=cast.administrator, at=NOON) for data in papers.values())
    assert (first.version, second.version, used(cast.ecology)) == (1, 2, papers["二"])
    use_again(first.pk, by=cast.administrator, at=NOON)
    assert used(cast.ecology) == papers["一"]
    assert PaperTemplate.objects.get(retired_at=None) == first
    use_shipped(cast.ecology, by=cast.administrator, at=NOON)
    assert used(cast.ecology) == SHIPPED.read_bytes()
    assert PaperTemplate.objects.count() == 2


def test_what_is_wrong_is_named_and_nothing_is_kept(cast: Cast, plain_static: None) -> None:
    answer = send(cast.administrator, paper("{{ merchnt }}"), cast.ecology)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "{{ merchnt }}" in text and "Write merchant." in text and "Nothing was changed" in text
    assert send(cast.administrator, b"PK\x03\x04nonsense", cast.ecology).status_code == 422
    assert not PaperTemplate.objects.exists()


def test_it_is_shown_with_made_up_data_before_it_is_used(cast: Cast, plain_static: None) -> None:
    answer = send(cast.administrator, paper("本局格式"), cast.ecology, act="preview")
    text = "\n".join(line.text for line in Document(BytesIO(b"".join(answer.streaming_content))).paragraphs)
    assert "本局格式" in text and "示例餐馆" in text
    assert not PaperTemplate.objects.exists()


@pytest.mark.parametrize("who", ["county_officer", "department_officer", "dispatcher", "grid_member", "owner"])
def test_only_who_keeps_templates_brings_one(cast: Cast, plain_static: None, who: str) -> None:
    assert send(getattr(cast, who), paper(), cast.ecology).status_code in (403, 404)
    assert not PaperTemplate.objects.exists()


def test_the_page_goes_back_too(cast: Cast, plain_static: None, papers: dict[str, bytes]) -> None:
    kept = bring(cast.ecology, papers["一"], "x.docx", by=cast.administrator, at=NOON)
    bring(cast.ecology, papers["二"], "x.docx", by=cast.administrator, at=NOON)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.administrator)
    assert client.post(f"{PATH}{kept.pk}/use/", {"submission": str(uuid4())}).status_code == 302
    assert used(cast.ecology) == papers["一"]
    assert client.post(PATH, {"act": "shipped", "unit": cast.ecology.pk, "submission": str(uuid4())}).status_code == 302
    assert used(cast.ecology) == SHIPPED.read_bytes()
    assert "Version 2" in client.get(PATH).content.decode()
