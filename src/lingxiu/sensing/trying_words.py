"""What is said to people who try frames: what became of one and why, each deviation, each mark, with the mend where there is one."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hj212 import Deviation
from lingxiu.sensing.trying import Became
from lingxiu.sensing.words import Word

Text = str | Promise

BECAME: Final[dict[Became, Word]] = {
    Became.READING: Word(_("stored as a reading"), "success"),
    Became.ODD: Word(_("stored, with its bytes beside it"), "warning"),
    Became.UNPLACED: Word(_("not stored as a reading"), "error"),
    Became.REFUSED: Word(_("frame refused"), "error"),
    Became.TALK: Word(_("no measurement"), "info"),
}
WHY: Final[dict[str, Text]] = {
    "crc": _("The check value is wrong. HJ 212 has an algorithm of its own, which is neither Modbus nor ARC."),
    "length": _("Neither length nor check value prove where the frame ends."),
    "mn": _("It has no MN: nobody can tell which device it is from."),
    "encrypted": _("Its data area is encrypted, and no key that was given opens it."),
    "time-missing": _("It has no DataTime."),
    "time-unreadable": _("Its DataTime is no time: 14 digits belong there (17 are taken)."),
    "time-ahead": _("Its DataTime lies more than ten minutes ahead of our clock."),
    "time-too-old": _("Its DataTime is older than readings are kept."),
    "cn-unreadable": _("Its CN is no number of four digits."),
    "deviation": _("It does otherwise than the standard and its profile say."),
    "range": _("A value lies out of its range."),
    "state": _("A state is none the profile knows."),
    "login": _("A login or heartbeat that stands in no version; it is answered by 9022."),
    "notice": _("A notice; it is answered by 9013 if Flag asks for it."),
    "answer": _("An answer to something we asked; it is taken to that question, and not answered again."),
    "cn": _("Not a message a device may begin with; a request is answered by 9011 with QnRtn=8."),
}
NO_FRAME: Final[dict[str, Text]] = {
    "no-start": _("No ## was found: a frame begins with it."),
    "no-length": _("Four digits of length belong behind ##, and the first field right behind them."),
    "no-data": _("There is no CP=&& in it."),
    "never-closed": _("The data area is never closed: && belongs behind its last value."),
    "no-end": _("No end was found: neither the length, nor the check value, nor the line’s end fit."),
}
REMARKS: Final[dict[str, Text]] = {
    "version-bits": _("The version bits of Flag say another version. We do not go by them."),
    "mn-length": _("The MN is not as long as in this version. We take any length up to 24."),
    "rf": _("RF is known in the version of 2025 only."),
    "too-many-parts": _("The version of 2025 has one digit of PNUM: nine parts at most."),
}
MARKS: Final[dict[str, Text]] = {
    "missing": _("stands for no value"),
    "text": _("no number"),
    "range": _("out of range"),
    "state": _("says neither on nor off"),
}
COLUMNS: Final[dict[str, Text]] = {
    "fume_mg_m3": _("Fume"),
    "pm_mg_m3": _("PM"),
    "nmhc_mg_m3": _("NMHC"),
    "temperature_c": _("Temperature"),
    "humidity_pct": _("Humidity"),
    "fan_a": _("Fan current"),
    "purifier_a": _("Purifier current"),
    "fan_on": _("Fan"),
    "purifier_on": _("Purifier"),
}
DEVIATIONS: Final[dict[Deviation, Text]] = {
    Deviation.LENGTH_WRONG: _("the length is wrong"),
    Deviation.LENGTH_IN_CHARACTERS: _("the length counts characters; bytes belong there"),
    Deviation.LENGTH_UNPADDED: _("the length has fewer than four digits"),
    Deviation.SEGMENT_TOO_LONG: _("longer than 1024 bytes: it should be split"),
    Deviation.CRC_LOWER_CASE: _("the check value is in lower case"),
    Deviation.CRC_SHORT: _("the check value has fewer than four digits: put zeros in front"),
    Deviation.CRC_MISSING: _("there is no check value"),
    Deviation.CRC_CONSTANT: _("the check value is always FFFF"),
    Deviation.CRC_MODBUS: _("the check value is that of Modbus"),
    Deviation.CRC_RAW_BYTES: _("the check value is two bytes; four hex digits belong there"),
    Deviation.CRC_WRONG: _("the check value is wrong"),
    Deviation.LF_ONLY: _("LF ends it; CR LF belongs there"),
    Deviation.CR_ONLY: _("CR ends it; CR LF belongs there"),
    Deviation.NO_TERMINATOR: _("no CR LF ends it"),
    Deviation.FIELD_ORDER: _("the fields are in an order of no version"),
    Deviation.FIELD_SEPARATOR: _("a semicolon is missing between two fields"),
    Deviation.FIELD_REPEATED: _("a field stands twice; the first counts"),
    Deviation.FIELD_UNKNOWN: _("a field nobody knows"),
    Deviation.BLANKS: _("blanks where none belong"),
    Deviation.QN_MISSING: _("no QN, though Flag asks for one"),
    Deviation.QN_FORM: _("QN is not 17 digits"),
    Deviation.ST_FORM: _("ST is not two digits or capital letters"),
    Deviation.CN_MISSING: _("no CN"),
    Deviation.PW_MISSING: _("no PW"),
    Deviation.MN_MISSING: _("no MN"),
    Deviation.FLAG_MISSING: _("no Flag"),
    Deviation.FLAG_FORM: _("Flag is no number from 0 to 255"),
    Deviation.PART_NUMBERS_MISSING: _("Flag announces PNUM and PNO; they are not there"),
    Deviation.PART_NUMBERS_UNANNOUNCED: _("PNUM and PNO are there; Flag does not say so"),
    Deviation.PART_NUMBERS_FORM: _("PNUM and PNO do not fit each other"),
    Deviation.ACK_SYSTEM: _("an answer under another ST than 91"),
    Deviation.CP_MISSING: _("no CP=&&"),
    Deviation.CP_UNCLOSED: _("the && that closes the data area is missing"),
    Deviation.EMPTY_ITEM: _("a separator too many"),
    Deviation.EMPTY_VALUE: _("a value is empty"),
    Deviation.ITEM_WITHOUT_VALUE: _("words without an equals sign"),
    Deviation.ITEM_REPEATED: _("an item stands twice; the first counts"),
    Deviation.FACTOR_REPEATED: _("a value stands twice; the last counts, unless -ID tells them apart"),
    Deviation.COMMA_BETWEEN_ITEMS: _("a comma between two items"),
    Deviation.SEMICOLON_INSIDE_FACTOR: _("a semicolon between the values of one factor"),
    Deviation.BARE_FLAG: _("a Flag in the data area that belongs to no factor"),
    Deviation.SUFFIX_UNKNOWN: _("a suffix no version lists; it is kept as sent"),
    Deviation.DATA_TIME_17: _("DataTime has milliseconds"),
    Deviation.DATA_TIME_FORM: _("DataTime is not 14 digits of a time"),
    Deviation.TEXT_GBK: _("text in GBK; UTF-8 belongs there"),
    Deviation.TEXT_UNREADABLE: _("neither UTF-8 nor GBK: perhaps encrypted"),
    Deviation.ENCRYPTED_AS_TEXT: _("encrypted bytes written out as 0x…; raw bytes belong there"),
}
