"""Words that several catalogues use: levels, flows, where issues and reports come from."""

from __future__ import annotations

from typing import Literal

Level = Literal["grid", "town", "county"]


Flow = Literal["quick", "joint"]


ReportSource = Literal["public", "phone", "12345", "other_system"]


IssueSource = Literal[
    "alarm", "forecast", "officer", "grid_member", "public", "phone", "12345", "other_system", "self_check",
    "joint_inspection", "instruction", "campaign",
]  # fmt: skip
