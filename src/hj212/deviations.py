"""The names of everything a frame may do differently from the standards and still be understood.

A deviation is a fact about one frame, for the caller's policy to judge: this package never drops one in silence and never
repairs one unnamed. Noise, glued and halved packets are facts about the stream, not the frame; `Decoder.skipped` counts those.
"""

from enum import StrEnum
from typing import Final


class Deviation(StrEnum):
    """One way of not being as printed. The value is stable: store it, filter by it."""

    # The envelope: ## length segment CRC CR LF
    LENGTH_WRONG = "length-wrong"
    """The declared length is not the segment's; its end was found by the closing && and what follows."""
    LENGTH_IN_CHARACTERS = "length-in-characters"
    """The declared length counts characters where the standard counts bytes."""
    LENGTH_UNPADDED = "length-unpadded"
    """Fewer than four digits of length."""
    SEGMENT_TOO_LONG = "segment-too-long"
    """More than the 1024 bytes a segment may have."""
    CRC_LOWER_CASE = "crc-lower-case"
    """Right, but in lower-case hex digits."""
    CRC_SHORT = "crc-short"
    """One to three digits where four belong; right when zeros are put in front (else CRC_WRONG stands beside it)."""
    CRC_MISSING = "crc-missing"
    """No hex digit where the CRC belongs."""
    CRC_CONSTANT = "crc-constant"
    """FFFF: a device that never computes one."""
    CRC_MODBUS = "crc-modbus"
    """Right by CRC-16/MODBUS, in either byte order."""
    CRC_RAW_BYTES = "crc-raw-bytes"
    """Right, but sent as two bytes instead of four hex digits."""
    CRC_WRONG = "crc-wrong"
    """Wrong, and by none of the known other algorithms right."""
    LF_ONLY = "lf-only"
    CR_ONLY = "cr-only"
    NO_TERMINATOR = "no-terminator"
    """Neither CR nor LF behind the CRC, as far as bytes have come (see `Frame.deviations`)."""

    # The header fields
    FIELD_ORDER = "field-order"
    """In none of the orders of 2005 and 2017."""
    FIELD_SEPARATOR = "field-separator"
    """A comma, or nothing, where a semicolon belongs."""
    FIELD_REPEATED = "field-repeated"
    """The first one counts."""
    FIELD_UNKNOWN = "field-unknown"
    BLANKS = "blanks"
    """Blanks around names, values or marks."""
    QN_MISSING = "qn-missing"
    """An answer is wanted, or Flag is 2017's or later, and there is no QN."""
    QN_FORM = "qn-form"
    """Not 17 digits. A QN is taken as an opaque token all the same."""
    ST_FORM = "st-form"
    """Not two of 0-9 A-Z."""
    CN_MISSING = "cn-missing"
    PW_MISSING = "pw-missing"
    MN_MISSING = "mn-missing"
    FLAG_MISSING = "flag-missing"
    """QN comes first, as in 2017 and in requests of 2005, and Flag is not there."""
    FLAG_FORM = "flag-form"
    """Not a number from 0 to 255."""
    PART_NUMBERS_MISSING = "part-numbers-missing"
    """Flag announces PNUM and PNO; they are not there."""
    PART_NUMBERS_UNANNOUNCED = "part-numbers-unannounced"
    """PNUM and PNO are there; Flag does not say so."""
    PART_NUMBERS_FORM = "part-numbers-form"
    """Not numbers with 1 ≤ PNO ≤ PNUM."""
    ACK_SYSTEM = "ack-system"
    """9011 to 9014 under another ST than 91."""

    # The data area
    CP_MISSING = "cp-missing"
    CP_UNCLOSED = "cp-unclosed"
    """The segment does not end with the && that closes CP."""
    EMPTY_ITEM = "empty-item"
    """A separator too many, mostly a semicolon at the end."""
    EMPTY_VALUE = "empty-value"
    ITEM_WITHOUT_VALUE = "item-without-value"
    """Words without an equals sign; left out of items and factors."""
    ITEM_REPEATED = "item-repeated"
    """The first one counts."""
    FACTOR_REPEATED = "factor-repeated"
    """The same suffix of the same factor twice; the last one counts."""
    COMMA_BETWEEN_ITEMS = "comma-between-items"
    SEMICOLON_INSIDE_FACTOR = "semicolon-inside-factor"
    """One factor's values spread over several items."""
    BARE_FLAG = "bare-flag"
    """Flag=… in the data area, belonging to no factor."""
    SUFFIX_UNKNOWN = "suffix-unknown"
    """A suffix that no version lists."""
    DATA_TIME_17 = "data-time-17"
    """DataTime with milliseconds."""
    DATA_TIME_FORM = "data-time-form"
    """DataTime neither 14 nor 17 digits, or no time at all."""
    TEXT_GBK = "text-gbk"
    """Not UTF-8; read as GBK."""
    ENCRYPTED_AS_TEXT = "encrypted-as-text"
    """Cipher text written out as {0xE4,…}, as 2025 prints it, where raw bytes belong; named on the decrypted frame."""
    TEXT_UNREADABLE = "text-unreadable"
    """Neither UTF-8 nor GBK (cipher text, for one): `cp` has one character a byte, and nothing is made of it."""


NONE: Final[frozenset[Deviation]] = frozenset()

CRC_DEVIATIONS: Final = frozenset(
    {
        Deviation.CRC_SHORT,
        Deviation.CRC_MISSING,
        Deviation.CRC_CONSTANT,
        Deviation.CRC_MODBUS,
        Deviation.CRC_RAW_BYTES,
        Deviation.CRC_WRONG,
    }
)
"""Those that leave `Frame.crc_ok` False; a device's CRC policy is a subset of them."""
