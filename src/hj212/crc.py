"""The check value of HJ 212 (2005, 2017 and 2025 alike), exact and fast. It decides nothing about what a wrong one means.

The standards print the algorithm as code, and the code is not what its name says: before each byte is mixed in, the old low
byte of the register is thrown away. So it is neither Modbus nor ARC, only 256 of the 65,536 values can occur, and it protects
like an 8-bit check. Length, closing marks and plausibility have to carry the rest.
"""

from typing import Final

POLYNOMIAL: Final = 0xA001


def _eight_steps(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (POLYNOMIAL if register & 1 else 0)
    return register


_TABLE: Final = tuple(_eight_steps(value) for value in range(256))
_UPPER: Final = bytes(value >> 8 for value in _TABLE)
_HEX: Final = tuple(b"%04X" % value for value in _TABLE)

_LONGEST_FOLDED: Final = 1 << 14

# How to halve a number of 64·2^k bits down to 64, by the bit length of (bytes - 1): (bits, mask) of each fold.
_FOLDS: Final = tuple(
    tuple((64 << step, (1 << (64 << step)) - 1) for step in reversed(range(max(0, size_bits - 3))))
    for size_bits in range(_LONGEST_FOLDED.bit_length() + 1)
)


def crc_bitwise(segment: bytes) -> int:
    """The standard's own loop, a bit at a time: the reference everything else is tested against."""
    register = 0xFFFF
    for byte in segment:
        register = _eight_steps((register >> 8) ^ byte)
    return register


def crc_table(segment: bytes) -> int:
    """The same by a table of 256: one step a byte."""
    register = 0xFFFF
    for byte in segment:
        register = _TABLE[(register >> 8) ^ byte]
    return register


def crc_hex(segment: bytes) -> bytes:
    """Four upper-case hex digits for `segment`, as they stand in a frame; about 1 µs for 300 bytes.

    Only the upper half of the register ever reaches the next step: h' = U[h ^ byte], the last byte giving T[h ^ byte].
    U is linear over XOR and of order 8 (eight steps of U are the identity), so bytes eight apart meet in the same place and
    may be XORed together first. One big integer does that for the whole segment; eight look-ups do the rest.
    """
    if not 2 <= len(segment) <= _LONGEST_FOLDED:
        return b"%04X" % crc_table(segment)
    size = len(segment) - 1
    folded = int.from_bytes(segment, "big")
    last = folded & 0xFF
    # The register starts as FFFF, so its upper half meets the first byte as FF.
    folded = (folded >> 8) ^ (0xFF << (8 * size - 8))
    for bits, mask in _FOLDS[(size - 1).bit_length()]:
        folded = (folded >> bits) ^ (folded & mask)
    a, b, c, d, e, f, g, h = folded.to_bytes(8, "big")
    u = _UPPER
    return _HEX[u[u[u[u[u[u[u[u[a] ^ b] ^ c] ^ d] ^ e] ^ f] ^ g] ^ h] ^ last]


def crc_modbus(segment: bytes) -> int:
    """CRC-16/MODBUS, which some devices send instead; used only to name that deviation."""
    register = 0xFFFF
    for byte in segment:
        register = (register >> 8) ^ _TABLE[(register ^ byte) & 0xFF]
    return register
