"""The drawing of the table is the table's."""

from __future__ import annotations

from tools.diagram import PAGE, page


def test_the_page_of_the_table_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python tools/diagram.py"
