"""That the demo county is as quick as the county it is drawn after: about 99.5 of 100 end at grid and town."""

from __future__ import annotations

import pytest

from lingxiu.demo.finders import ISSUES, joint_among


@pytest.mark.parametrize("merchants", [1000, 2780, 5000])
def test_about_99_5_of_100_issues_are_quick(merchants: int) -> None:
    """That a loaded county has exactly so many for several departments, and no rule adds one, test_county.py counts."""
    wanted = round(merchants * ISSUES)
    assert 99.2 <= 100 * (1 - joint_among(wanted) / wanted) <= 99.8
