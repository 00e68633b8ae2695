"""How the value of a feature reads in a sentence, in English and Chinese, by the last part of its name."""

from forecast.explain.labels import Text

#: Text per measure. ``{value}`` is the value; measures in `SHARES` are shown in percent.
MEASURES: dict[str, Text] = {
    "age_days": Text("{value} days", "{value} 天"),
    "cancelled_share": Text("{value} cancelled", "取消占 {value}"),
    "changes": Text("{value} changes so far", "至今变动 {value} 次"),
    "closed": Text("{value} closed so far", "已结案 {value} 件"),
    "count": Text("{value} so far", "至今 {value} 次"),
    "count_7d": Text("{value} in the last 7 days", "近 7 天 {value} 次"),
    "count_30d": Text("{value} in the last 30 days", "近 30 天 {value} 次"),
    "count_90d": Text("{value} in the last 90 days", "近 90 天 {value} 次"),
    "count_365d": Text("{value} in the last 365 days", "近 365 天 {value} 次"),
    "cycle_days": Text("{value} days from creation to closing on average", "平均 {value} 天结案"),
    "day_of_month": Text("day {value} of the month", "当月第 {value} 日"),
    "days_between": Text("{value} days between on average", "平均间隔 {value} 天"),
    "days_ahead": Text("{value} days ahead", "还有 {value} 天"),
    "days_in": Text("{value} days", "{value} 天"),
    "days_since": Text("{value} days ago", "{value} 天前"),
    "days_since_first": Text("first {value} days ago", "首次在 {value} 天前"),
    "days_since_last": Text("last {value} days ago", "最近一次在 {value} 天前"),
    "days_to_month_end": Text("{value} days to the end of the month", "距月末 {value} 天"),
    "days_to_next": Text("next in {value} days", "下一次在 {value} 天后"),
    "days_to_quarter_end": Text("{value} days to the end of the quarter", "距季末 {value} 天"),
    "decreases": Text("lowered {value} times", "下调 {value} 次"),
    "hours": Text("{value} hours spent", "累计投入 {value} 小时"),
    "hours_30d": Text("{value} hours spent in the last 30 days", "近 30 天投入 {value} 小时"),
    "increases": Text("raised {value} times", "上调 {value} 次"),
    "is_overdue": Text("overdue: {value}", "是否逾期：{value}"),
    "last_change": Text("last change {value}", "最近一次变动 {value}"),
    "last_change_days": Text("last moved by {value} days", "最近一次移动 {value} 天"),
    "last_score": Text("last score {value} of the scale", "最近评分为满分的 {value}"),
    "mean_score": Text("mean score {value} of the scale", "平均评分为满分的 {value}"),
    "month": Text("month {value}", "{value} 月"),
    "moves_back": Text("{value} moves back", "回退 {value} 次"),
    "new_30d": Text("{value} new in the last 30 days", "近 30 天新增 {value} 件"),
    "open": Text("{value} open", "在谈 {value} 件"),
    "overdue": Text("{value} overdue", "逾期 {value} 项"),
    "pace": Text("{value} times the usual time", "为通常时间的 {value} 倍"),
    "per_order": Text("{value} per order", "每单 {value}"),
    "planned": Text("{value} planned", "已计划 {value} 项"),
    "pulls": Text("brought forward {value} times", "提前 {value} 次"),
    "pushes": Text("pushed back {value} times", "推迟 {value} 次"),
    "response_hours_mean": Text("{value} hours on average", "平均 {value} 小时"),
    "response_hours_median": Text("{value} hours in the middle", "中位数 {value} 小时"),
    "share": Text("{value} of the money", "占消费的 {value}"),
    "top_share": Text("{value} in the main category", "主要类别占 {value}"),
    "total": Text("{value} in all", "累计 {value}"),
    "total_90d": Text("{value} in the last 90 days", "近 90 天 {value}"),
    "total_365d": Text("{value} in the last 365 days", "近 365 天 {value}"),
    "total_change": Text("{value} since the first", "较最初变动 {value}"),
    "total_change_days": Text("moved by {value} days in all", "累计移动 {value} 天"),
    "trend": Text("trend {value}", "趋势 {value}"),
    "unanswered_streak": Text("{value} in a row", "连续 {value} 次"),
    "weekday": Text("weekday {value} (1 = Monday)", "星期 {value}（1 为周一）"),
    "win_rate": Text("{value} won", "成交率 {value}"),
    "win_rate_365d": Text("{value} won in the last 365 days", "近 365 天成交率 {value}"),
    "win_rate_365d_gap": Text(
        "{value} points from the win rate of all in the last 365 days", "近 365 天成交率较整体 {value} 个百分点"
    ),
    "win_rate_gap": Text("{value} points from the win rate of all", "成交率较整体 {value} 个百分点"),
    "won": Text("{value} won so far", "已成交 {value} 件"),
}

SHARES = frozenset(
    {"cancelled_share", "last_change", "last_score", "mean_score", "share", "top_share", "total_change"}
    | {"win_rate", "win_rate_365d"}
)
POINTS = frozenset({"win_rate_gap", "win_rate_365d_gap"})
TRUTHS = frozenset({"is_overdue", "is_true"})

#: Days or hours below which nobody wants to know how many.
_SHORTEST = 0.1

PLAIN = Text("{value}", "{value}")
MISSING = Text("not known", "无记录")
YES, NO = Text("yes", "是"), Text("no", "否")


def value_text(feature: str, value: str, lang: str) -> str:
    """The value of a feature as people say it.

    Parameters
    ----------
    feature : str
        Its name; the last part is the measure.
    value : str
        As stored in a reason's evidence; empty when missing.
    lang : "en" or "zh"
    """
    measure = feature.rsplit("__", 1)[-1]
    if value == "":
        return MISSING.in_language(lang)
    if measure in TRUTHS:
        value = (YES if float(value) else NO).in_language(lang)
    elif measure in SHARES:
        value = f"{float(value):.0%}".replace("%", " %")
    elif measure in POINTS:
        value = f"{100 * float(value):+.0f}"
    elif _is_number(value):
        is_time = "days" in measure or "hours" in measure
        value = "<0.1" if is_time and 0 < float(value) < _SHORTEST else rounded(value)
    return MEASURES.get(measure, PLAIN).in_language(lang).format(value=value)


def _is_number(value: str) -> bool:
    try:
        return abs(float(value)) < float("inf")
    except ValueError:
        return False


def rounded(value: str) -> str:
    """At most three digits that matter, thousands grouped: 1234.5 is "1,234", 0.12345 is "0.123"."""
    number = float(value)
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
