"""The numbers of the protocol that the package itself has to know, as tables. Factor codes and units are no part of it: they
are local practice, and belong to a device's profile (no version of the standard covers catering fume).
"""

from enum import IntEnum
from typing import Final, Literal

Version = Literal["2005", "2017", "2025"]

SEGMENT_LIMIT: Final = 1024
"""Bytes of segment a frame may hold, in every version (HJ 212-2017 6.3)."""

CP_LIMIT: Final = 950
"""Bytes of data between the && marks (2017 and 2025; 2005 allows 960)."""

SYSTEM_INTERACTION: Final = "91"
"""ST of everything that is no measurement: acknowledgements, answers, results."""


class AckCommand:
    """CN of the four messages that answer another one."""

    REQUEST_ANSWER: Final = "9011"
    RESULT: Final = "9012"
    NOTICE_ACK: Final = "9013"
    DATA_ACK: Final = "9014"


ACK_COMMANDS: Final = frozenset({"9011", "9012", "9013", "9014"})

DEVICE_NOTICES: Final = frozenset({"1013", "9015"})
"""What a device sends to be answered by 9013: it asks for clock calibration; the heartbeat of 2025."""

PLATFORM_NOTICES: Final = frozenset({"2012", "2022"})
"""What a platform sends to be answered by 9013: stop real-time data, stop run-state data."""


class FlagBit(IntEnum):
    """Bits of Flag, equal in all versions. (The letters A and D that the texts give them were swapped in 2025.)"""

    ACK_WANTED = 1
    NUMBERED = 2


class QnRtn(IntEnum):
    """What 9011 says of a request."""

    ACCEPTED = 1
    REFUSED = 2
    PW_WRONG = 3
    MN_WRONG = 4
    ST_WRONG = 5
    FLAG_WRONG = 6
    QN_WRONG = 7
    CN_WRONG = 8
    CRC_WRONG = 9
    UNKNOWN = 100


class ExeRtn(IntEnum):
    """What 9012 says of its execution."""

    DONE = 1
    FAILED = 2
    CONDITION_ERROR = 3
    TIMEOUT = 4
    BUSY = 5
    SYSTEM_FAULT = 6
    NO_DATA = 100


MARKS: Final[dict[Version, dict[str, str]]] = {
    "2005": {
        "N": "normal", "F": "source stopped", "P": "power failure", "D": "instrument fault", "M": "maintenance",
        "C": "calibration", "S": "entered by hand", "T": "over range", "H": "range high", "L": "range low",
        "0": "calibration", "1": "meteorology", "2": "abnormal", "3": "normal",
    },
    "2017": {
        "N": "normal", "F": "instrument out of service", "M": "maintenance", "C": "calibration", "D": "instrument fault",
        "S": "entered by hand", "T": "above the upper range", "B": "no link to the instrument",
    },
}  # fmt: skip
"""Data marks, `-Flag` of a factor, and what they say of its value. F means the source in 2005 and the instrument since; digits
are those of 2005's air stations; 2025 keeps the letters of 2017. Vendors use others, and small letters."""
MARKS["2025"] = MARKS["2017"]

_SUFFIXES: Final = """
Rtd Min Avg Max Cou ZsRtd ZsMin ZsAvg ZsMax Flag EFlag SampleTime RS RT Data DayData NightData Info SN
Ala LowValue UpValue
SampleType CompleteTime
"""

SUFFIXES: Final = frozenset(_SUFFIXES.split())
"""Suffixes of a factor code (`a34041-Rtd`) that some version lists: those of 2017, then what only 2005 and only 2025 have."""
