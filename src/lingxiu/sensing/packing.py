"""A batch as bytes, for the stream between gateways and writers: a version byte, then msgpack of rows, frames and odd frames.

Decides how many readings go into one message, and which partition a device's go to. Knows no stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgpack

from lingxiu.sensing.profiles import Key, Reading
from lingxiu.sensing.store import Batch, OddFrame

VERSION: Final = 1
PARTITIONS: Final = 8
"""A device's readings are always in one of them, in the order they came; so many writers can work at once."""
ROWS_A_MESSAGE: Final = 500
BYTES_A_MESSAGE: Final = 256 * 1024
"""A quarter of what a server takes unless told otherwise (max_payload 1 MiB)."""
_ROW_COST: Final = 96  # bytes of a packed row besides its frame, about


class UnknownVersion(Exception):
    """A newer gateway packed this: the writer has to be updated before it may take it."""

    def __init__(self, version: int) -> None:
        super().__init__(f"version {version}, we read {VERSION}")
        self.version = version


class NotABatch(Exception):
    """These bytes are none of ours."""


def partition_of(device_id: int | None) -> int:
    """Which partition a device's readings go to."""
    return (device_id or 0) % PARTITIONS


def pack(batch: Batch) -> bytes:
    """The bytes of a batch; the same batch gives the same bytes."""
    rows = list(batch.rows.values())
    frames = [batch.frames[key] for key in batch.rows]
    packed: bytes = msgpack.packb((batch.at, rows, frames, batch.odd), unicode_errors="replace")
    return bytes((VERSION,)) + packed


def unpack(data: bytes) -> Batch:
    """What was packed. Raises: UnknownVersion, NotABatch."""
    if not data:
        raise NotABatch
    if data[0] != VERSION:
        raise UnknownVersion(data[0])
    try:
        at, rows, frames, odd = msgpack.unpackb(memoryview(data)[1:])
        readings = [Reading._make(row) for row in rows]
        keys: list[Key] = [row.key for row in readings]
        return Batch(
            at,
            dict(zip(keys, readings, strict=True)),
            dict(zip(keys, frames, strict=True)),
            [OddFrame._make(one) for one in odd],
        )
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise NotABatch from error


def messages(batch: Batch) -> dict[int, list[bytes]]:
    """{partition: its messages, in order}; together they are the batch."""
    return {partition: [pack(part) for part in _few(whole)] for partition, whole in _apart(batch).items()}


def _apart(batch: Batch) -> dict[int, Batch]:
    """The batch by partition."""
    parts: defaultdict[int, Batch] = defaultdict(lambda: Batch(batch.at))
    for key, row in batch.rows.items():
        part = parts[key[0] % PARTITIONS]
        part.rows[key] = row
        part.frames[key] = batch.frames[key]
    for one in batch.odd:
        parts[partition_of(one.device_id)].odd.append(one)
    return parts


def _few(batch: Batch) -> Iterator[Batch]:
    """Batches small enough for a message each."""
    part, size = Batch(batch.at), 0
    for key, row in batch.rows.items():
        if len(part.rows) >= ROWS_A_MESSAGE or size >= BYTES_A_MESSAGE:
            yield part
            part, size = Batch(batch.at), 0
        part.rows[key] = row
        part.frames[key] = batch.frames[key]
        size += len(batch.frames[key]) + _ROW_COST
    for one in batch.odd:
        if size >= BYTES_A_MESSAGE:
            yield part
            part, size = Batch(batch.at), 0
        part.odd.append(one)
        size += len(one.frame) + _ROW_COST
    if part.rows or part.odd:
        yield part
