"""What is encoded is decoded: in both field orders, strictly, however the bytes are cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hj212 import Decoder, Message, Order, encode, make_cp
from tests.hj212.wire import bytewise, feed_in, feed_whole, one, steady

TOKENS = st.text("0123456789ABCDEFabcdef_", min_size=1, max_size=24)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,7}", fullmatch=True)
SUFFIXES = st.sampled_from(["Rtd", "Min", "Avg", "Max", "Cou", "ZsRtd", "Flag", "RS", "Info"])
VALUES = st.text("-.0123456789NFMC", min_size=1, max_size=8)
LETTERS = st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="&#/")
WORDS = st.one_of(st.text(LETTERS, min_size=1, max_size=10), st.sampled_from(["a & b", "#7", "mg/m3", "a;b,c=d"]))
VALUES_OF = st.dictionaries(SUFFIXES, st.one_of(VALUES, WORDS), min_size=1, max_size=3)
FACTORS = st.dictionaries(NAMES, VALUES_OF, max_size=4)
ITEMS = st.dictionaries(NAMES.map(lambda name: "X" + name), st.one_of(VALUES, WORDS), max_size=2)
MESSAGES = st.builds(
    lambda cn, mn, pw, ack, items, factors: Message(
        cn, "31", mn, pw, "20260105083000123", "5" if ack else "4", cp=make_cp(items, factors)
    ),
    st.from_regex(r"[1-8][0-9]{3}", fullmatch=True),
    TOKENS,
    TOKENS,
    st.booleans(),
    ITEMS,
    FACTORS,
)
ORDERS = st.sampled_from(["2005", "2017"])
FIELDS = ("qn", "st", "cn", "pw", "mn", "flag", "pnum", "pno", "rf", "cp")


@steady
@given(MESSAGES, ORDERS)
def test_a_message_comes_back_field_by_field_in_strict_mode(message: Message, order: Order) -> None:
    frame = one(feed_whole(encode(message, order=order), strict=True))
    assert [getattr(frame, name) for name in FIELDS] == [getattr(message, name) for name in FIELDS]
    assert encode(frame, order=order) == frame.raw + b"\r\n"


@steady
@given(ITEMS, FACTORS)
def test_items_and_factors_come_back(items: dict[str, str], factors: dict[str, dict[str, str]]) -> None:
    message = Message("2011", "31", "M", "P", "20260105083000123", "4", cp=make_cp(items, factors))
    frame = one(feed_whole(encode(message)))
    assert frame.items() == items
    assert frame.factors() == factors


@settings(steady, max_examples=50)
@given(st.lists(MESSAGES, min_size=1, max_size=5), st.data())
def test_any_cutting_gives_the_same_frames(messages: list[Message], data: st.DataObject) -> None:
    stream = b"".join(encode(message) for message in messages)
    expected = [frame for message in messages for frame in feed_whole(encode(message))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    for way in ([stream], pieces, bytewise(stream)):
        decoder = Decoder()
        assert feed_in(way, decoder) == expected
        assert decoder.skipped == decoder.buffered == 0
        assert not decoder.refused
