"""How soon the map of the whole county can be used: from navigation until every merchant is drawn and can be clicked.

Beside it, in the same run, the same browser's time to an empty page of the same server, and the bytes over the wire.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from tools.driving import chromium, desktop, sign_in
from tools.installation import Installation, running_demo

RUNS = {True: 3, False: 9}


def run(quick: bool) -> dict[str, Any]:
    """Figures of `lingxiu bench map`: usable_ms and bytes by number of merchants, empty_page_ms."""
    with (
        tempfile.TemporaryDirectory(prefix="lingxiu-bench-") as folder,
        chromium() as browser,
        running_demo(Path(folder), "--no-devices") as demo,
    ):
        figures = measure(demo, browser, RUNS[quick])
    print(f"{'merchants':>10} {'usable ms':>10} {'empty page ms':>14} {'kB':>8}")
    for merchants, usable in figures["usable_ms"].items():
        print(f"{merchants:>10} {usable:>10} {figures['empty_page_ms']:>14} {figures['bytes'][merchants] / 1000:>8.0f}")
    return figures


def measure(demo: Installation, browser: Browser, runs: int) -> dict[str, Any]:
    """Median of cold visits, each in a context of its own: nothing is cached."""
    name, password = demo.sign_in_of("county officer")
    usable, empty, weight = [], [], []
    for _ in range(runs):
        with desktop(browser) as context:
            page = context.new_page()
            sign_in(page, demo.address, name, password)
            page.goto(f"{demo.address}/healthz")
            empty.append(_since_navigation(page))
            heard: list[int] = []
            page.on("requestfinished", lambda request, heard=heard: heard.append(request.sizes()["responseBodySize"]))
            page.goto(f"{demo.address}/map/", wait_until="commit")
            page.locator("[data-usable]").wait_for(state="attached", timeout=60_000)
            usable.append(page.evaluate("performance.getEntriesByName('map-usable')[0].startTime"))
            page.wait_for_load_state("networkidle")
            weight.append(sum(heard))
    return {
        "usable_ms": {"2780": round(statistics.median(usable))},
        "empty_page_ms": round(statistics.median(empty)),
        "bytes": {"2780": round(statistics.median(weight))},
        "runs": runs,
    }


def _since_navigation(page: Page) -> float:
    return float(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv)))
