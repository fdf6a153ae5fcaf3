"""What the demo's people, shops and streets are called."""

from itertools import islice
from random import Random

import pytest

from lingxiu.demo import naming
from lingxiu.demo.trades import TRADES

# Some of the best-known chains and house names of the trade: nothing of ours may look like one.
CHAINS = (
    "海底捞", "肯德基", "麦当劳", "华莱士", "沙县", "兰州拉面", "蜜雪", "古茗", "茶百道", "沪上阿姨", "瑞幸",
    "星巴克", "一点点", "喜茶", "必胜客", "五芳斋", "真真老老", "外婆家", "绿茶餐厅", "西贝", "小菜园", "老娘舅",
    "吉祥馄饨", "永和", "杨国福", "张亮", "绝味", "正新", "紫燕", "九月洋房", "三珍斋", "楼外楼", "知味观", "新荣记",
    "太二", "呷哺", "德克士", "汉堡王", "书亦", "霸王茶姬", "库迪", "一鸣",
)  # fmt: skip


@pytest.mark.parametrize("kind", TRADES)
def test_names_of_every_kind_are_many_and_none_is_a_chain(kind: str) -> None:
    made = list(islice(naming.shop_names(Random(1), kind, {"town": "魏塘", "place": "国庆"}), 3000))

    assert len(set(made)) > 60
    assert all("{" not in name and len(name) <= 20 for name in made)
    assert [name for name in made if any(chain in name for chain in CHAINS)] == []


def test_an_area_is_called_by_its_name_not_by_what_it_is() -> None:
    assert [naming.short(name) for name in ("魏塘街道", "西塘镇", "日晖社区", "国庆村")] == [
        "魏塘",
        "西塘",
        "日晖",
        "国庆",
    ]


def test_numbers_of_different_people_never_meet() -> None:
    ranges = [range(first, first + 100_000) for first in naming.PHONES.values()]

    assert len({number for numbers in ranges for number in (numbers[0], numbers[-1])}) == 2 * len(ranges)
    assert naming.phone("owner", 7) == "15400200007"
