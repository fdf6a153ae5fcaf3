"""What happens in every demo within two minutes of its start: some monitors send forty high minutes they had kept.

Constants of the demo county, so that load, simulator, sign-ins and the browser test speak of the same shop without asking.
Never changes with the number of merchants: the grid has shops in the smallest county too.
"""

from __future__ import annotations

from datetime import timedelta

GRID = "33042100100102"  # the busiest grid of 魏塘街道
TOWN = GRID[:9]
MEMBER = "g00100102"
DISPATCHER = "weitang1"
TEAM_OFFICER = "weitang-team1"

# Each is at a shop of that grid; a county so small that the grid has fewer shops has only the first of them.
DEVICES = ("YS330421000001", "YS330421000002", "YS330421000003")

BUFFERED = timedelta(minutes=40)  # so much of what they measured they kept: high values, with fan and purifier on
GOES_ON = timedelta(minutes=25)  # and for so long after the start it goes on
SILENT = timedelta(minutes=42)  # so long before the load's `at` their history ends
