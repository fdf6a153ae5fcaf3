import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.china.pinyin import MOST_READINGS, fold, full, initials, search_key

names = st.text(st.sampled_from("一鲜居重庆小面长丰曾记乐行会单查ABCabc 0３（）·の餐馆"), max_size=12)


def finds(asked: str, name: str) -> bool:
    return fold(asked) in search_key(name)


@pytest.mark.parametrize(
    ("name", "spoken", "short"),
    [
        ("一鲜居", "yixianju", "yxj"),
        ("重庆小面", "chongqingxiaomian", "cqxm"),
        ("曾记面馆", "zengjimianguan", "zjmg"),
        ("银行食堂", "yinhangshitang", "yhst"),
        ("同乐饭店", "tonglefandian", "tlfd"),
        ("ABC烤肉（二店）", "abckaorouerdian", "abckred"),
        ("３号小馆", "3haoxiaoguan", "3hxg"),
        ("Café 鱼の味", "cafeyuwei", "cafeyw"),
        ("绿洲", "lvzhou", "lz"),
        ("", "", ""),
    ],
)
def test_a_name_is_read_as_people_read_it(name: str, spoken: str, short: str) -> None:
    assert (full(name), initials(name)) == (spoken, short)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("yxj", "一鲜居"),
        ("YXJ", "嘉善一鲜居（西塘店）"),
        ("yi xian ju", "一鲜居"),
        ("鲜居", "一鲜居"),
        ("ｙｘｊ", "一鲜居"),
        ("cfcw", "长丰村味"),
        ("zfcw", "长丰村味"),
        ("cqxm", "重庆小面"),
        ("shanxianyangtang", "单县羊汤"),
        ("abck", "ABC烤肉"),
        ("鱼の味", "鱼の味"),
    ],
)
def test_a_name_is_found(asked: str, name: str) -> None:
    assert finds(asked, name)


def test_a_question_does_not_match_across_two_keys() -> None:
    assert search_key("一鲜居") == "一鲜居 yixianju yxj"
    assert not finds("juyxj", "一鲜居")


@given(names)
def test_every_name_is_found_by_itself_its_reading_and_its_initials(name: str) -> None:
    assert finds(name, name)
    assert finds(full(name), name)
    assert finds(initials(name), name)


@given(names)
def test_a_key_stays_small(name: str) -> None:
    parts = search_key(name).split(" ")

    assert len(parts) == len(set(parts)) <= 1 + 2 * MOST_READINGS


@given(st.text(max_size=40))
def test_any_text_can_be_folded_and_read(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert " " not in fold(text)
    assert full(text).isascii() or any(ord(c) > 0x3400 for c in full(text))
    assert search_key(text) == search_key(fold(text))
