"""Find the MQTT broker that tests talk to; install Debian's where that is possible. Without one its tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def find() -> str | None:
    """The path of a mosquitto, `MOSQUITTO` before all others."""
    return os.environ.get("MOSQUITTO") or shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")


def main() -> int:
    """Exit code 0 in any case: the tests that need a broker say themselves that they were skipped."""
    if find():
        return 0
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("mosquitto is missing: installing Debian's", flush=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mosquitto"]
        subprocess.run(command, check=False, env=quiet, stdout=subprocess.DEVNULL)
    if not find():
        print("The tests of MQTT are skipped without mosquitto. Install it (Debian: sudo apt-get install mosquitto)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
