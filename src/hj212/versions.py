"""Which of the three texts a frame follows, by everything that tells them apart and never by the version bits alone.

Decides nothing about how a device is answered: that is its profile's, and any version may be acknowledged in any style.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hj212.encryption import is_encrypted

if TYPE_CHECKING:
    from hj212.codes import Version
    from hj212.frame import Frame

ONLY_2025: Final = frozenset({"1002", "1014", "2013", "2052", "2062", "2111", "3022", "3024", "9015"})
ONLY_2005: Final = frozenset({"1021", "1022", "1031", "1032", "1041", "1042", "2071", "2072"})
_BITS: Final[dict[int, Version]] = {1: "2017", 2: "2025"}
_LENGTH_2005: Final = 14  # of an MN; 24 since


def version_of(frame: Frame) -> Version:
    """The version that explains this frame best.

    What only one text has comes first: RF, cipher text, a command number (2025); an upload without QN and Flag
    (2005). Then the length of the MN, 14 in 2005. Only among the rest do the version bits of Flag speak, and where they claim
    nothing it is 2017.
    """
    if frame.rf is not None or frame.cn in ONLY_2025 or is_encrypted(frame):
        return "2025"
    claimed = _BITS.get((frame.flag_bits or 0) >> 2)
    if frame.cn in ONLY_2005 or (frame.flag is None and frame.qn is None):
        return "2005"
    if claimed is None and frame.mn is not None and len(frame.mn) <= _LENGTH_2005:
        return "2005"
    return claimed or "2017"
