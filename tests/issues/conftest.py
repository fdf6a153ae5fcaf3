"""What several tests of the list ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lingxiu.policy.actions import load
from lingxiu.policy.reading import SHIPPED
from tests.cast import Cast, make_cast

THE_28TH = datetime(2026, 12, 28, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
"""A Monday; the library's calendar ends with the year."""


@pytest.fixture
def committed(transactional_db: None) -> Cast:
    """The cast, committed, so that other connections see it; the tables were emptied before, the policy's too."""
    load(SHIPPED, at=datetime(2026, 1, 1, tzinfo=UTC))
    return make_cast()


@pytest.fixture
def notice(tmp_path: Path) -> Path:
    """A county's folder in which a notice of 2027 stands: 4 January is off as well."""
    (tmp_path / "calendar.yaml").write_text(
        "2027:\n  basis: a notice made up for this test\n"
        "  holidays: [2027-01-01, 2027-01-04, 2027-05-01, 2027-05-02, 2027-10-01, 2027-10-02, 2027-10-03]\n",
        encoding="utf-8",
    )
    return tmp_path
