"""The data area of HJ 212-2025 under SM4: what of it is encrypted, and how it is read again. It holds no key and no cipher.

Encrypted are the bytes between the && marks of CP, by SM4 in ECB mode without padding: the whole blocks of 16 bytes; what is left
over, less than a block, stays plain. Length and CRC are those of the plain text. The standard prints cipher text as
`{0xE4,0x3E,…}`; on the wire it is raw bytes, by the unchanged length; both are read, raw bytes are written.

The cipher is handed in, so that the package stands alone: a function of whole blocks, in as many bytes as out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from hj212.deviations import NONE, Deviation
from hj212.framing import CONTROLS, judge_crc, judge_length

if TYPE_CHECKING:
    from hj212.frame import Frame

BLOCK: Final = 16
Blocks: TypeAlias = Callable[[bytes], bytes]
"""A block cipher under one key, one way: a multiple of 16 bytes in, as many out."""

_ENCRYPTED_BESIDES: Final = frozenset({"1014", "3020"})
_PRINTED: Final = re.compile(rb"\{((?:\s*0[xX][0-9A-Fa-f]{1,2}\s*,?)+)\}")
_PRINTED_BYTE: Final = re.compile(rb"0[xX]([0-9A-Fa-f]{1,2})")


def encrypts(cn: str | None) -> bool:
    """Whether 2025 encrypts messages of this CN: data (2000 to 2999), keys (1014) and field information (3020)."""
    return cn is not None and (cn in _ENCRYPTED_BESIDES or (len(cn) == 4 and cn.startswith("2")))


def transform(data: bytes, blocks: Blocks) -> bytes:
    """`data` with its whole blocks through the cipher and the rest as it is."""
    whole = len(data) - len(data) % BLOCK
    return blocks(data[:whole]) + data[whole:] if whole else data


def is_encrypted(frame: Frame) -> bool:
    """Whether the data area cannot be text as it stands: cipher text, by every likelihood."""
    data = _data_of(frame)
    if CONTROLS.search(data) or _PRINTED.match(data):
        return True
    return not (_is_text(data, "utf-8") or _is_text(data, "gbk"))


def decrypt(frame: Frame, blocks: Blocks) -> Frame:
    """The frame as it was before its data area was encrypted; length and CRC are judged anew, against the plain text.

    With a wrong key `crc_ok` is False 255 times in 256 only: ask `is_encrypted` of the answer as well.
    """
    sent = _data_of(frame)
    printed = _PRINTED.match(sent)
    text = transform(sent, blocks) if printed is None else _read_printed(printed, blocks) + sent[printed.end() :]
    plain = frame.with_data(text)
    _, found = judge_crc(plain.segment, plain.raw[plain.segment_end :])
    crc_ok = not found - {Deviation.CRC_LOWER_CASE}
    found |= judge_length(plain.segment, *plain.declared)
    return plain.judged(crc_ok, found | ({Deviation.ENCRYPTED_AS_TEXT} if printed else NONE))


def _data_of(frame: Frame) -> bytes:
    begin, end = frame.data_span
    return frame.raw[begin:end]


def _read_printed(printed: re.Match[bytes], blocks: Blocks) -> bytes:
    return transform(bytes(int(digits, 16) for digits in _PRINTED_BYTE.findall(printed[1])), blocks)


def _is_text(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
