from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.china.identifiers import (
    USCC_ALPHABET,
    FoodLicence,
    IdentifierError,
    LicenceKind,
    Uscc,
    WrongCharacterError,
    WrongCheckError,
    WrongLengthError,
    WrongPrefixError,
    food_licence,
    mask_mobile,
    mod_11_10_check,
    normalise,
    normalise_mobile,
    parse_food_licence,
    parse_uscc,
    uscc_check,
)

COMPANY = "91330100799655058B"  # a company's published code
regions = st.integers(110000, 659999).map(str)
licences = st.builds(food_licence, st.sampled_from(LicenceKind), regions, st.integers(1, 999_999))
bodies = st.text(USCC_ALPHABET, min_size=9, max_size=9)
usccs = st.builds(lambda region, body: f"92{region}{body}", regions, bodies).map(lambda s: s + uscc_check(s))


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) for c in text)


def test_a_social_credit_code_is_taken_apart() -> None:
    assert parse_uscc(COMPANY) == Uscc(COMPANY, authority="9", category="1", region="330100", body="799655058")


def test_a_food_licence_is_taken_apart() -> None:
    licence = FoodLicence("JY23304210000014", LicenceKind.CATERING, "330421", "000001")

    assert parse_food_licence("JY23304210000014") == licence
    assert food_licence(LicenceKind.CATERING, "330421", 1) == licence.value


@given(usccs, st.sampled_from([str.lower, full_width, lambda s: f" {s[:6]}-{s[6:12]} {s[12:]}\u200b\u3000\t"]))
def test_however_a_social_credit_code_is_typed_it_is_the_same(code: str, typed: Callable[[str], str]) -> None:
    assert parse_uscc(typed(code)).value == code


@given(licences, st.sampled_from([str.lower, full_width, lambda s: f"{s[:3]} {s[3:9]}—{s[9:]} "]))
def test_however_a_licence_is_typed_it_is_the_same(number: str, typed: Callable[[str], str]) -> None:
    assert parse_food_licence(typed(number)).value == number


@given(usccs, st.integers(8, 17), st.sampled_from(USCC_ALPHABET))
def test_one_wrong_character_in_a_social_credit_code_is_noticed(code: str, place: int, wrong: str) -> None:
    typed = code[:place] + wrong + code[place + 1 :]

    if typed != code:
        with pytest.raises(WrongCheckError):
            parse_uscc(typed)


@given(licences, st.integers(2, 15), st.sampled_from("0123456789"))
def test_one_wrong_digit_in_a_licence_is_noticed(number: str, place: int, wrong: str) -> None:
    typed = number[:place] + wrong + number[place + 1 :]

    if typed != number:
        with pytest.raises(WrongCheckError):
            parse_food_licence(typed)


@given(licences, st.integers(2, 14))
def test_two_neighbours_changed_round_in_a_licence_are_noticed_save_one_pair_in_ninety(number: str, place: int) -> None:
    a, b = number[place], number[place + 1]
    typed = number[:place] + b + a + number[place + 2 :]

    try:
        parse_food_licence(typed)
    except WrongCheckError:
        assert a != b
    else:
        # ISO 7064 MOD 11,10 is a hybrid system: it finds nearly all, not all, transpositions.
        assert a == b or mod_11_10_check(typed[2:15]) == typed[15]


@given(st.text(max_size=30), st.sampled_from([parse_uscc, parse_food_licence, normalise_mobile]))
def test_any_text_is_a_number_or_a_typed_error(text: str, parse: Callable[..., object]) -> None:
    try:
        parse(text, field="typed by hand")
    except IdentifierError as error:
        assert error.field == "typed by hand"
        assert error.value in normalise(text)
        assert error.mend in str(error)


def test_a_wrong_check_digit_names_what_was_expected() -> None:
    with pytest.raises(WrongCheckError) as error:
        parse_food_licence("jy2 3304 2100 0001 2", field="licence_no")

    assert (error.value.field, error.value.value, error.value.expected) == ("licence_no", "JY23304210000012", "4")
    assert str(error.value) == (
        "licence_no 'JY23304210000012': the last character should be 4 if the others are right;"
        " compare each with the document: one is wrong, or two changed places"
    )


@pytest.mark.parametrize(
    ("parse", "typed", "kind", "facts"),
    [
        (parse_uscc, COMPANY[:-1], WrongLengthError, {"expected": 18, "found": 17}),
        (parse_uscc, "", WrongLengthError, {"expected": 18, "found": 0}),
        (parse_uscc, "9133O100799655058B", WrongCharacterError, {"position": 5, "character": "O", "likely": "0"}),
        (parse_uscc, "91330100799655058商", WrongCharacterError, {"position": 18, "character": "商", "likely": None}),
        (parse_uscc, "9133A100799655058B", WrongCharacterError, {"position": 5, "character": "A", "likely": None}),
        (parse_food_licence, "SP3304211550000001", WrongPrefixError, {"expected": "JY"}),
        (parse_food_licence, "JY2330421000001", WrongLengthError, {"expected": 16, "found": 15}),
        (
            parse_food_licence,
            "JY2330421O000014",
            WrongCharacterError,
            {"position": 10, "character": "O", "likely": "0"},
        ),
        (parse_food_licence, "JY93304210000016", WrongCharacterError, {"position": 3, "character": "9"}),
        (normalise_mobile, "1381234567", WrongLengthError, {"expected": 11, "found": 10}),
        (normalise_mobile, "1381234567x", WrongCharacterError, {"position": 11, "character": "X"}),
        (normalise_mobile, "057384123456", WrongLengthError, {"found": 12}),
        (normalise_mobile, "12812345678", WrongPrefixError, {}),
        (normalise_mobile, "٠١٢٣٤٥٦٧٨٩٠", WrongCharacterError, {"position": 1}),
    ],
)
def test_what_is_wrong_is_told_as_facts(
    parse: Callable[[str], object], typed: str, kind: type[IdentifierError], facts: dict[str, object]
) -> None:
    with pytest.raises(kind) as error:
        parse(typed)

    assert {name: getattr(error.value, name) for name in facts} == facts


@pytest.mark.parametrize(
    "typed", ["13812345678", "+86 138-1234-5678", "0086 13812345678", "8613812345678", "１３８ １２３４ ５６７８"]
)
def test_a_mobile_number_is_eleven_digits_however_it_is_typed(typed: str) -> None:
    assert normalise_mobile(typed) == "13812345678"


def test_a_masked_number_shows_three_and_four_digits() -> None:
    assert mask_mobile("13812345678") == "138****5678"
