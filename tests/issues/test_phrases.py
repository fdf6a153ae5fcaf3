"""Words to tap: the catalogue's for the move, those about this matter first, and the person's own last short ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.phrases import MOST, MOST_OWN, PHRASED, canned, offers
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.catalogues import Catalogues
from tests.cast import Cast
from tests.issues.world import LATER, do, find

SOON = LATER + timedelta(hours=2)


@pytest.fixture
def issue(cast: Cast) -> Issue:
    found = find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    do(found, Move.ACCEPT, cast.grid_member)
    return found


def offered(what: Move, issue: Issue, cast: Cast) -> list[str]:
    return offers([what], issue, cast.grid_member, "zh-hans", SOON).get(what, [])


def test_what_is_about_this_very_matter_stands_first(issue: Issue, cast: Cast) -> None:
    rows = offered(Move.HANDLE, issue, cast)
    assert rows[0].startswith("集气罩油垢重")
    assert not any("垃圾桶" in row for row in rows)
    assert len(rows) <= MOST + MOST_OWN


def test_every_move_that_has_phrases_has_some_whatever_is_wrong(cast: Cast) -> None:
    catalogues = in_force().catalogues
    assert all(canned(catalogues, what, "P-OTHER", "zh-hans") for what in PHRASED - {Move.NOTE})


def test_a_move_that_takes_no_words_offers_none(issue: Issue, cast: Cast) -> None:
    assert offers([Move.ACCEPT, Move.RESUME], issue, cast.grid_member, "zh-hans", SOON) == {}


def test_what_the_person_wrote_last_is_offered_once_and_only_to_them(issue: Issue, cast: Cast) -> None:
    for _ in range(2):
        do(issue, Move.HANDLE, cast.grid_member, words="老板在，说晚上洗")
    assert offered(Move.HANDLE, issue, cast).count("老板在，说晚上洗") == 1
    other = offers([Move.HANDLE], issue, cast.town_officer, "zh-hans", SOON)[Move.HANDLE]
    assert "老板在，说晚上洗" not in other


@pytest.mark.parametrize("words", ["电话13812341234", "请 @老王 看", "看" * 61])
def test_what_is_about_one_case_or_one_person_is_not_offered_again(issue: Issue, cast: Cast, words: str) -> None:
    do(issue, Move.HANDLE, cast.grid_member, words=words)
    assert words not in offered(Move.HANDLE, issue, cast)


def test_they_are_in_the_readers_language(cast: Cast) -> None:
    assert canned(in_force().catalogues, "rework", "D-HOOD", "en")[0].startswith("The picture")


def test_all_forms_of_a_page_cost_one_query(issue: Issue, cast: Cast, django_assert_num_queries: object) -> None:
    in_force()
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's
        offers(sorted(PHRASED), issue, cast.grid_member, "zh-hans", SOON)


def test_an_edition_from_before_there_were_phrases_still_reads() -> None:
    assert Catalogues.model_fields["phrases"].default == ()
    assert Catalogues.model_fields["systems"].default == ()


def test_a_grid_member_is_offered_no_words_of_inspection_or_order(cast: Cast) -> None:
    for row in in_force().catalogues.phrases:
        assert not any(word in row.text.zh for word in ("检查", "责令", "限期整改", "处罚")), row.id


def test_the_form_shows_them_beside_its_text_area(issue: Issue, cast: Cast, client: Client) -> None:
    client.force_login(cast.grid_member)
    page = client.get(f"/issues/{issue.number}/").content.decode()
    assert 'data-island="phrases" data-fills="handle-words"' in page
    assert "集气罩油垢重" in page
