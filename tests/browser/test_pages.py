"""Every page as its readers open it: nothing runs out of it, nothing is said in the wrong language, axe and the console are silent.

Chinese on the phone and English at the desk: the two others follow the same templates, and are looked at by `make shots`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tools.installation import Installation
from tools.shots import PAGES, Album, Shot

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.xdist_group("whole-county")]


@pytest.fixture(scope="module")
def album(county: Installation, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Album]:
    """Signed-in readers of the county, and where their pictures go."""
    passwords = {
        name: password
        for line in county.said
        if "/sign-in/" in line and "(six digits)" not in line
        for name, password in [line.split()[-3:-1]]
    }
    yield Album(browser, county.address, passwords.__getitem__, tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("shot", PAGES, ids=lambda shot: shot.name)
def test_a_page_is_as_it_should_be(album: Album, shot: Shot) -> None:
    album.remarks.clear()
    for size, language in (("phone", "zh"), ("desktop", "en")):
        if size in shot.sizes:
            album.picture(shot, size, language)
    assert album.remarks == []
