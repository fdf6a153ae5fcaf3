"""Numbers with a rule: the social credit code of a body, the food licence, a mobile phone.

Each is brought to one spelling (half-width, upper case, no blanks or dashes), checked, and taken apart. What is wrong
is an `IdentifierError` that carries the facts; the edges word it in the reader's language and keep it out of logs.
Never asks whether a number was really issued, and never repairs one: a failed check digit says that some character is
wrong, not which.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

# GB 32100-2015 table 1: digits and letters without I, O, S, V, Z, which are taken for 1, 0, 5, U, 2.
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
USCC_LENGTH = 18
LOOKALIKES = {"I": "1", "O": "0", "S": "5", "V": "U", "Z": "2"}

LICENCE_PREFIX = "JY"
LICENCE_DIGITS = 14
REGION_DIGITS = 6
MOBILE = re.compile(r"1[3-9]\d{9}")
MOBILE_LENGTH = 11
COUNTRY_CODE = re.compile(r"^(?:\+|00)?86(?=1\d{10}$)")


class IdentifierError(ValueError):
    """A number is not what its rule asks for. Carries `field`, `value` (as given, one spelling) and `mend`."""

    def __init__(self, field: str, value: str, fault: str, mend: str) -> None:
        super().__init__(f"{field} {value!r}: {fault}; {mend}")
        self.field = field
        self.value = value
        self.mend = mend


class WrongLengthError(IdentifierError):
    """Too many characters or too few: `expected`, `found`."""

    def __init__(self, field: str, value: str, expected: int) -> None:
        self.expected, self.found = expected, len(value)
        fault = f"has {self.found} characters, not {expected}"
        super().__init__(field, value, fault, "look for one left out or typed twice")


class WrongCharacterError(IdentifierError):
    """A character that cannot stand where it does: `position` (from 1), `character`, `likely` (or None)."""

    def __init__(self, field: str, value: str, position: int, likely: str | None = None) -> None:
        self.position, self.character, self.likely = position, value[position - 1], likely
        mend = f"{likely} may be meant" if likely else "compare it with the document"
        super().__init__(field, value, f"{self.character!r} cannot stand at place {position}", mend)


class WrongPrefixError(IdentifierError):
    """Does not begin as such a number begins: `expected`."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        self.expected = expected
        super().__init__(field, value, f"does not begin with {expected}", "see whether it is a number of another kind")


class WrongCheckError(IdentifierError):
    """The last character does not fit the others: `expected` is what they would ask for."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        self.expected = expected
        fault = f"the last character should be {expected} if the others are right"
        super().__init__(field, value, fault, "compare each with the document: one is wrong, or two changed places")


class LicenceKind(StrEnum):
    """First digit of a food licence: the form of business (the digits are usual practice, not read in a standard)."""

    SALE = "1"
    CATERING = "2"
    CANTEEN = "3"


@dataclass(frozen=True, slots=True)
class Uscc:
    """统一社会信用代码 (GB 32100-2015) in its parts: who registered it, what it is, where, which body (9)."""

    value: str
    authority: str
    category: str
    region: str
    body: str


@dataclass(frozen=True, slots=True)
class FoodLicence:
    """食品经营许可证 in its parts: JY, form of business, where it was issued (6), serial (6), check (1)."""

    value: str
    kind: LicenceKind
    region: str
    serial: str


def normalise(text: str) -> str:
    """One spelling of a number: half-width, upper case, without blanks, dashes and invisible characters."""
    half = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in half if unicodedata.category(c) not in {"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})


def parse_uscc(text: str, field: str = "uscc") -> Uscc:
    """Check and take apart a social credit code, however it was typed.

    Raises:
        IdentifierError: length, character or check character is wrong.
    """
    value = normalise(text)
    if len(value) != USCC_LENGTH:
        raise WrongLengthError(field, value, USCC_LENGTH)
    for place, character in enumerate(value, start=1):
        if character not in USCC_ALPHABET:
            raise WrongCharacterError(field, value, place, LOOKALIKES.get(character))
    _require_digits(field, value, start=2, stop=2 + REGION_DIGITS)
    expected = uscc_check(value[:-1])
    if value[-1] != expected:
        raise WrongCheckError(field, value, expected)
    return Uscc(value, authority=value[0], category=value[1], region=value[2:8], body=value[8:17])


def uscc_check(first17: str) -> str:
    """The check character of a social credit code: weights 3^i mod 31, the sum brought up to a multiple of 31."""
    total = sum(USCC_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return USCC_ALPHABET[-total % 31]


def parse_food_licence(text: str, field: str = "food_licence") -> FoodLicence:
    """Check and take apart a food licence number, however it was typed.

    Raises:
        IdentifierError: prefix, length, a digit, the form of business or the check digit is wrong.
    """
    value = normalise(text)
    if not value.startswith(LICENCE_PREFIX):
        raise WrongPrefixError(field, value, LICENCE_PREFIX)
    if len(value) != len(LICENCE_PREFIX) + LICENCE_DIGITS:
        raise WrongLengthError(field, value, len(LICENCE_PREFIX) + LICENCE_DIGITS)
    _require_digits(field, value, start=len(LICENCE_PREFIX), stop=len(value))
    kind, region, serial, check = value[2], value[3:9], value[9:15], value[15]
    expected = mod_11_10_check(value[2:15])
    if check != expected:
        raise WrongCheckError(field, value, expected)
    if kind not in set(LicenceKind):
        raise WrongCharacterError(field, value, len(LICENCE_PREFIX) + 1)
    return FoodLicence(value, LicenceKind(kind), region, serial)


def food_licence(kind: LicenceKind, region: str, serial: int) -> str:
    """The whole number of a licence of `kind` issued in `region` (6 digits) as its `serial`-th."""
    digits = f"{kind}{region}{serial:06d}"
    return f"{LICENCE_PREFIX}{digits}{mod_11_10_check(digits)}"


def mod_11_10_check(digits: str) -> str:
    """The check digit of ISO 7064 MOD 11,10, which food licences end with."""
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def normalise_mobile(text: str, field: str = "phone") -> str:
    """A mainland mobile number as eleven digits; +86, 0086, blanks and dashes are taken off.

    Raises:
        IdentifierError: it is not a mobile number.
    """
    value = COUNTRY_CODE.sub("", normalise(text))
    _require_digits(field, value, start=0, stop=len(value))
    if len(value) != MOBILE_LENGTH:
        raise WrongLengthError(field, value, MOBILE_LENGTH)
    if not MOBILE.fullmatch(value):
        raise WrongPrefixError(field, value, "13 to 19")
    return value


def mask_mobile(number: str) -> str:
    """A normalised mobile number as it may be shown: `138****1234`."""
    return f"{number[:3]}****{number[-4:]}"


def _require_digits(field: str, value: str, start: int, stop: int) -> None:
    for place, character in enumerate(value[start:stop], start=start + 1):
        if not ("0" <= character <= "9"):
            raise WrongCharacterError(field, value, place, LOOKALIKES.get(character))
