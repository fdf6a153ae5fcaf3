"""Find the Chromium that browser tests, pictures and benchmarks drive; install Debian's where that is possible, else say how."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find() -> str | None:
    """The path of a Chromium, `CHROMIUM` before all others."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> int:
    """Exit code 0 when there is one, 1 when it could not be had."""
    if find():
        return 0
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Chromium is missing: installing Debian's", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        subprocess.run(command, check=False, env=quiet, stdout=subprocess.DEVNULL)
        if find():
            return 0
    print(
        "Browser tests need Chromium. Install it (Debian: sudo apt-get install chromium) or name one: CHROMIUM=/path/to/chromium"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
