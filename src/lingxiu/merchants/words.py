"""What is wrong with a number, said to whoever typed it. The facts come from `china.identifiers`; nothing is logged."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from lingxiu.china.identifiers import (
    IdentifierError,
    WrongCharacterError,
    WrongCheckError,
    WrongLengthError,
    WrongPrefixError,
)

WRONG_CHECK = gettext_noop(
    "has a wrong last character: it should be %(expected)s if the others are right. "
    "Compare each with the document: one is wrong, or two changed places."
)
WRONG_LENGTH = gettext_noop("has %(found)d characters, not %(expected)d. Look for one left out or typed twice.")
LOOKALIKE = gettext_noop("cannot have “%(character)s” at place %(position)d; perhaps %(likely)s is meant.")
WRONG_CHARACTER = gettext_noop("cannot have “%(character)s” at place %(position)d. Compare it with the document.")
WRONG_PREFIX = gettext_noop("does not begin with %(expected)s. See whether it is a number of another kind.")


def listed(words: Iterable[str]) -> str:
    """One after the other, parted as the reader's language does."""
    return pgettext("between the words of a list", ", ").join(words)


def say(error: IdentifierError) -> str:
    """What is wrong and what to do, in the reader's language. Names the value."""
    return f"“{error.value}” {_fault(error)}"


def _fault(error: IdentifierError) -> str:
    match error:
        case WrongCheckError():
            return _(WRONG_CHECK) % {"expected": error.expected}
        case WrongLengthError():
            return _(WRONG_LENGTH) % {"found": error.found, "expected": error.expected}
        case WrongCharacterError() if error.likely:
            place = {"character": error.character, "position": error.position}
            return _(LOOKALIKE) % {**place, "likely": error.likely}
        case WrongCharacterError():
            return _(WRONG_CHARACTER) % {"character": error.character, "position": error.position}
        case WrongPrefixError():
            return _(WRONG_PREFIX) % {"expected": error.expected}
    raise TypeError(error)
