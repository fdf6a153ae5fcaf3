"""Where a device stood when it measured: a reading belongs to that shop, wherever the device is by now. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db.models import Max

from lingxiu.sensing.models import DeviceEvent

MERCHANT_THEN: Final = """coalesce(
    (SELECT e.merchant_id FROM sensing_deviceevent e
     WHERE e.device_id = {device}.id AND e.kind IN ('installed', 'moved', 'replaces') AND e.at <= {moment}
     ORDER BY e.at DESC, e.id DESC LIMIT 1),
    (SELECT nullif(e.merchant_id, CASE e.kind WHEN 'moved' THEN e.merchant_id END) FROM sensing_deviceevent e
     WHERE e.device_id = {device}.id AND e.kind IN ('installed', 'moved', 'replaces') ORDER BY e.at, e.id LIMIT 1),
    CASE WHEN NOT EXISTS (SELECT FROM sensing_deviceevent e WHERE e.device_id = {device}.id
                          AND e.kind IN ('installed', 'moved', 'replaces')) THEN {device}.merchant_id END
)"""
"""SQL: the merchant at which {device} stood at {moment}, by what was written down; null where only a later move was."""


def stands_since(device_ids: Collection[int]) -> dict[int, datetime]:
    """From when on each device stands where it does; those that never stood elsewhere are left out."""
    moved = DeviceEvent.objects.filter(device__in=device_ids, kind=DeviceEvent.Kind.MOVED)
    return dict(moved.order_by().values_list("device_id").annotate(Max("at")))
