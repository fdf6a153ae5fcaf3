"""Run in a process of its own, on the cluster of `cluster.py`: makes its county, or judges its readings once more.

python -m tests.sensing.cluster_world make 200
python -m tests.sensing.cluster_world rebuild
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import django

django.setup()

from django.core.management import call_command  # noqa: E402 (Django is set up above)

from lingxiu.merchants.models import Merchant  # noqa: E402
from lingxiu.policy.actions import load  # noqa: E402
from lingxiu.policy.queries import in_force  # noqa: E402
from lingxiu.policy.reading import SHIPPED  # noqa: E402
from lingxiu.sensing.models import Device  # noqa: E402
from lingxiu.sensing.rebuilding import rebuild  # noqa: E402
from lingxiu.territory.models import Area  # noqa: E402
from tests.cast import BEGAN, make_cast, make_merchant  # noqa: E402
from tests.sensing.cluster import mn_of  # noqa: E402

DEVICES_A_MERCHANT = 4


def make(devices: int) -> None:
    """The cast, and so many devices at merchants of its first grid."""
    call_command("migrate", verbosity=0)
    load(SHIPPED, at=datetime.now(UTC))
    make_cast()
    grid = Area.objects.get(code="33042100100101")
    merchants: list[Merchant] = []
    for number in range(devices):
        if number % DEVICES_A_MERCHANT == 0:
            merchants.append(make_merchant(f"M{number}", grid, 120.92, 30.85))
        Device.objects.create(
            mn=mn_of(number), merchant=merchants[-1], profile="plain-2017", kind="fume_monitor", observe_until=BEGAN
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", count]:
            make(int(count))
        case ["rebuild"]:
            rebuild(in_force(), datetime.now(UTC))
