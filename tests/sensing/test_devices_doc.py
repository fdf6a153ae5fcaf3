"""docs/devices.md is true: its examples are read by the dialects they name, its tables say what catalogue and gateway do.

`DOCS_WRITE=1` in the environment writes the tables anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from hj212 import crc_hex
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.profiles import ProfileReader
from lingxiu.sensing.trying import Became, find_frames, try_frame
from tests.sensing.frames import COUNTY
from tests.sensing.test_packets_whole import EXPECTED, PROFILES, Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "devices.md"
CATALOGUES = read_folder(SHIPPED)[0]
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY)
EXAMPLES = re.findall(r"^```hj212 (\S+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
COLUMNS = {
    "fume_mg_m3": "fume", "pm_mg_m3": "PM", "nmhc_mg_m3": "NMHC", "temperature_c": "temperature", "humidity_pct": "humidity",
    "fan_a": "fan current", "purifier_a": "purifier current", "fan_on": "fan", "purifier_on": "purifier",
}  # fmt: skip


def test_every_example_is_read_by_its_dialect_without_anything_odd() -> None:
    assert len(EXAMPLES) >= 8
    for profile, text in EXAMPLES:
        reader = ProfileReader(CATALOGUES.profile(profile), COUNTY)
        frames = find_frames(text.encode()).frames
        assert len(frames) == text.count("##"), text
        for frame in frames:
            one = try_frame(frame, reader, NOON, COUNTY)
            assert one.became in (Became.READING, Became.TALK), (one.why, text)
            assert one.kept == {} or "Min" in text
            assert one.length.ok and one.crc.ok


def test_the_check_value_of_the_example_is_the_printed_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (segment,) = re.findall(r"^```hj212-segment\n(.*?)\n```", text, re.MULTILINE)
    assert f"has **{crc_hex(segment.encode()).decode()}**" in text


def test_the_tables_are_those_of_the_catalogue_and_of_the_gateway() -> None:
    text = PAGE.read_text(encoding="utf-8")
    made = put(put(text, "dialects", dialects()), "packets", packets())
    if os.environ.get("DOCS_WRITE"):
        PAGE.write_text(made, encoding="utf-8")
    assert made == text, "write the tables anew: DOCS_WRITE=1 .venv/bin/pytest tests/sensing/test_devices_doc.py"


def put(text: str, name: str, rows: Iterable[str]) -> str:
    """The page with these lines between a table's marks."""
    body = "\n".join(rows)
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda found: f"{found[1]}{body}\n{found[2]}", text, flags=re.DOTALL
    )


def dialects() -> Iterable[str]:
    yield "| dialect | values | states | otherwise |"
    yield "|---|---|---|---|"
    for profile in CATALOGUES.devices:
        if profile.device_kind == "fume_monitor":
            yield f"| `{profile.id}` | {values(profile)} | {states(profile)} | {habits(profile)} |"


def values(profile: DeviceProfile) -> str:
    return ", ".join(
        f"{COLUMNS[one.column]} `{one.code}`"
        + (f" (channel {one.channel})" if one.channel else "")
        + (f" in {one.unit}" if one.unit else "")
        for one in profile.factors
    )


def states(profile: DeviceProfile) -> str:
    said = []
    for one in profile.switches:
        on = f"above {one.on_above:g} A" if one.on_above is not None else f"on {'/'.join(one.on_values)}"
        off = f", off {'/'.join(one.off_values)}" if one.off_values else ""
        said.append(f"{COLUMNS[one.column]} `{one.code}`: {on}{off}")
    return "; ".join(said) or "–"


def habits(profile: DeviceProfile) -> str:
    said = [f"answered as {profile.ack_style}"] if profile.ack_style != "2017" else []
    said += [f"CRC may be {way}" for way in profile.accepted_crc if way != "standard"]
    said += [str(one) for one in profile.tolerated]
    said += ["periods named by their end"] if profile.period_named_by == "end" else []
    said += ["asked to fill gaps"] if profile.fills_gaps_after_minutes is not None else []
    said += ["unverified"] if profile.confidence == "U" else []
    return ", ".join(said) or "–"


def packets() -> Iterable[str]:
    yield "| no. | dialect | became | kept bytes | answered |"
    yield "|---|---|---|---|---|"
    for number, outcome in EXPECTED.items():
        odd, answers = ", ".join(outcome.odd) or "–", ", ".join(outcome.answers) or "–"
        yield f"| {number} | `{PROFILES.get(number, 'plain-2017')}` | {became(outcome)} | {odd} | {answers} |"


def became(outcome: Outcome) -> str:
    if outcome.rows:
        return "; ".join(f"reading of {cn}: {words(values, kept)}" for cn, values, kept in outcome.rows)
    if "crc" in outcome.odd:
        return "refused"
    return "conversation" if outcome.answers or not outcome.odd else "bytes kept, no reading"


def words(values: dict[str, float | bool], kept: int) -> str:
    known = [
        f"{COLUMNS[name]} {('on' if value else 'off') if isinstance(value, bool) else f'{value:g}'}"
        for name, value in values.items()
    ]
    return ", ".join([*known, *([f"{kept} kept"] if kept else [])]) or "nothing measured"
