"""Parts of a demand forecast, what-if and new items in words, in English and Chinese."""

from collections.abc import Mapping, Sequence

from forecast.demand.explanation import DRIVER
from forecast.explain.labels import Text, readable

#: What each part of a forecast is called.
PART_LABELS: dict[str, Text] = {
    "level": Text("Usual level", "通常水平"),
    "recent_level": Text("Recent sales against it", "近期销量与通常水平之差"),
    "trend": Text("Trend", "趋势"),
    "season": Text("Season", "季节性"),
    "calendar": Text("Calendar", "日历（星期、日期、月份）"),
    "holidays": Text("Holidays", "节假日"),
    "attributes": Text("What kind of series it is", "序列属性"),
    "floor": Text("Never below zero", "不低于零"),
    "sums": Text("Agreement with its sums", "与各级合计相符的调整"),
}
DRIVER_LABEL = Text("Driver “{name}”", "驱动因素“{name}”")
#: Small parts are not worth a word: below this share of the forecast.
_WORTH_A_WORD = 0.005

WHAT_IF_CAVEAT = Text(
    "A forecast under other prices or promotions follows how they and sales moved together in the past. That is not "
    "the effect of a price unless prices were set at random.",
    "其他价格或促销下的预测，反映的是过去价格、促销与销量如何一同变化；除非价格是随机设定的，否则这并不是价格本身的效果。",
)
OUT_OF_RANGE = Text(
    "In {n} of {of} periods a value is asked that was never seen: there the forecast is a guess.",
    "{of} 个时段中有 {n} 个时段的取值从未出现过：这些时段的预测只是猜测。",
)
NEW_BY_LAUNCH = Text(
    "From the first periods of {n} series that were launched before ({by}).",
    "依据 {n} 个既往上市序列的最初各期（{by}）。",
)
NEW_BY_LEVEL = Text(
    "From what {n} series sell now ({by}): too few launches were seen, and a new item may begin lower.",
    "依据 {n} 个序列的当前销量（{by}）：可见的上市案例过少，新品起步可能更低。",
)
NEW_SHARED = Text("alike in {names}", "{names} 相同")
NEW_ALL = Text("all of them: none is alike", "全部序列：没有相似者")

_TOTAL = Text("{total} over {n} periods: {parts}.", "未来 {n} 期合计 {total}：{parts}。")
_SEPARATOR = Text(", ", "，")


def part_label(part: str, lang: str = "en") -> str:
    """What a part is called.

    Examples
    --------
    >>> part_label("driver.price"), part_label("season", "zh")
    ('Driver “price”', '季节性')
    """
    if part.startswith(DRIVER):
        return DRIVER_LABEL.in_language(lang).format(name=readable(part.removeprefix(DRIVER)))
    return PART_LABELS[part].in_language(lang)


def forecast_sentence(totals: Mapping[str, float], n_periods: int, lang: str = "en") -> str:
    """A forecast's sum over the horizon and its parts, the level first, then the largest.

    Parameters
    ----------
    totals : mapping of part to float
        Points summed over the horizon; they add up to the forecast.
    n_periods : int
    lang : "en" or "zh"

    Examples
    --------
    >>> forecast_sentence({"level": 100.0, "season": -20.0, "driver.price": 40.0, "trend": 0.01}, 4)
    '120 over 4 periods: Usual level 100, Driver “price” +40, Season −20.'
    """
    total = sum(totals.values())
    rest = {part: points for part, points in totals.items() if part != "level"}
    ranked = sorted(rest, key=lambda part: (-abs(rest[part]), part))
    told = [part for part in ranked if abs(rest[part]) > _WORTH_A_WORD * max(abs(total), abs(totals["level"]))]
    words = [f"{part_label('level', lang)} {amount(totals['level'])}"]
    words += [f"{part_label(part, lang)} {amount(rest[part], sign=True)}" for part in told]
    parts = _SEPARATOR.in_language(lang).join(words)
    return _TOTAL.in_language(lang).format(total=amount(total), n=n_periods, parts=parts)


def new_item_sentence(basis: str, n_siblings: int, by: Sequence[str], lang: str = "en") -> str:
    """What a new item's forecast rests on.

    Parameters
    ----------
    basis : {"launches", "level"}
    n_siblings : int
    by : sequence of str
        Attributes that the siblings share with it; empty for none.
    lang : "en" or "zh"

    Examples
    --------
    >>> new_item_sentence("launches", 12, ["brand"])
    'From the first periods of 12 series that were launched before (alike in brand).'
    """
    names = _SEPARATOR.in_language(lang).join(readable(name) for name in by)
    shared = NEW_SHARED.in_language(lang).format(names=names) if by else NEW_ALL.in_language(lang)
    text = NEW_BY_LAUNCH if basis == "launches" else NEW_BY_LEVEL
    return text.in_language(lang).format(n=n_siblings, by=shared)


def amount(value: float, *, sign: bool = False) -> str:
    """A quantity with three digits that matter; whole from 100 on."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")
