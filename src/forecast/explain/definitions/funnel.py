"""Definitions of the funnel: conversion and stay per stage, bottleneck, changes."""

from forecast.explain.definitions.entry import (
    COUNT,
    HIGH,
    LOW,
    MONEY,
    NEUTRAL,
    PLAIN,
    PORTION,
    SHARE,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_STAYS = Text("Every stay of a lead or opportunity in a stage", "线索或商机在某阶段的每次停留")
_FOLLOWED = Text(
    "`followed_days` from the entry: as far as cases were followed", "自进入起 `followed_days` 天：随访所及"
)
_KNOWN = Text(
    "All that was recorded before `as_of`, in commits up to `batch`", "`as_of` 之前、截至批次 `batch` 已记录的全部信息"
)
_QUARTER = Text("A quarter", "一个季度")
_DAYS = Text("Days", "天")

FUNNEL = Part(
    "funnel",
    Text("Funnel", "销售漏斗"),
    Text(
        "Stages with open cases allowed for: `forecast funnel`.",
        "考虑在谈案件后的各阶段：见 `forecast funnel`。",
    ),
    (
        Definition(
            "converted",
            Text("Conversion with open cases allowed for", "计入在谈案件的转化率"),
            Text(
                "Share of a stage's stays that advance or are won, or of all cases that are won, within "
                "`followed_days`; with its 80 % interval. `within_{h}d`: within h days of the entry. `through_stages`: "
                "in the end, as the product of all stages.",
                "某阶段停留中推进或赢单的比例，或全部案件中赢单的比例，以 `followed_days` 天内计，附 80 % 区间。"
                "`within_{h}d`：进入后 h 天内。`through_stages`：按各阶段之积的最终比例。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, SHARE, HIGH,
            "∫ S(t-) dH(t), Aalen-Johansen",
            also=("converted_low", "converted_high", "within_{h}d", "through_stages", "followed_days"),
        ),
        Definition(
            "still",
            Text("Where stays end", "停留的去向"),
            Text(
                "Share that stays longer than could be followed: in the end between `converted` and the sum of both "
                "convert. With `advance_share`, `won_share`, `lost_share` and `back_share` it adds up to 1.",
                "停留超出随访期的比例：最终转化率介于 `converted` 与两者之和之间。与 `advance_share`、`won_share`、"
                "`lost_share`、`back_share` 合计为 1。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, PORTION, NEUTRAL,
            also=("advance_share", "won_share", "lost_share", "back_share"),
        ),
        Definition(
            "naive_of_entered",
            Text("Naive ratios", "朴素比率"),
            Text(
                "Advanced and won over all that entered (too low while cases are open), and `naive_of_ended` over "
                "those that ended (fast endings count too much).",
                "推进与赢单除以全部进入者（有在谈案件时偏低）；"
                "`naive_of_ended` 则除以已结束者（过度计入快速结束的案件）。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, PORTION, NEUTRAL,
            also=("naive_of_ended",),
        ),
        Definition(
            "median_days",
            Text("Stay in a stage", "阶段停留时间"),
            Text(
                "Days until half have left, `mean_days` on average (longer stays count as `followed_days`), each with "
                "its 80 % interval; `days_to_convert`: median of those that convert.",
                "半数离开所需天数；`mean_days` 为平均天数（超出者按 `followed_days` 计），均附 80 % 区间；"
                "`days_to_convert`：转化者的中位天数。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, _DAYS, LOW,
            also=("median_low", "median_high", "mean_days", "mean_low", "mean_high", "days_to_convert"),
        ),
        Definition(
            "n_entered",
            Text("Numbers of stays", "停留次数"),
            Text(
                "How many entered, advanced, were won, lost, fell back, and are still there.",
                "进入、推进、赢单、丢单、退回以及仍停留的数量。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, COUNT, NEUTRAL,
            also=("n_advanced", "n_won", "n_lost", "n_back", "n_open", "n_cases"),
        ),
        Definition(
            "value",
            Text("Worth of the best quarter", "回到最佳季度的价值"),
            Text(
                "What returning from the present pace (`conversion_now`) to that of the best quarter, shrunk for luck "
                "(`conversion_best`), would bring, with its 80 % interval; `extra_wins` in wins; `p_gain`: the "
                "probability that it is a gain. The bottleneck is the stage with the largest value.",
                "由当前转化（`conversion_now`）回到经收缩去除运气后的最佳季度（`conversion_best`）所能带来的金额，"
                "附 80 % 区间；`extra_wins` 为赢单数；`p_gain` 为确有增益的概率。瓶颈即价值最大的阶段。",
            ),
            _STAYS, _QUARTER, _KNOWN, MONEY, HIGH,
            "extra flow x downstream conversion x amount",
            also=("value_low", "value_high", "conversion_now", "conversion_best", "extra_wins", "p_gain",
                  "conversion_gain", "conversion_gain_low", "conversion_gain_high", "now", "best", "n_now",
                  "is_bottleneck"),
        ),
        Definition(
            "factor",
            Text("Change of a stage", "阶段的变化"),
            Text(
                "How many times the pace of before, since the month `since`; with the conversion before and after. An "
                "alarm is raised by chance alone in at most one look in 200 at an unchanged funnel.",
                "自 `since` 月起为此前速度的多少倍；附变化前后的转化率。对未变化的漏斗，每 200 次查看最多误报一次。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, PLAIN, NEUTRAL,
            also=("conversion_before", "conversion_after", "n_before", "n_after", "is_alarm"),
        ),
        Definition(
            "p_value",
            Text("By chance alone", "纯属偶然的概率"),
            Text(
                "Probability of so large a change in an unchanged funnel; `p_adjusted` for the number of stages (Holm) "
                "or segments (Benjamini-Hochberg).",
                "未变化的漏斗出现如此大变化的概率；`p_adjusted` 已按阶段数（Holm）或细分数（Benjamini-Hochberg）校正。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, SHARE, NEUTRAL,
            also=("p_adjusted",),
        ),
        Definition(
            "mix_part",
            Text("Mix or rate", "结构或比率"),
            Text(
                "The part of a change that comes from another mix of cases among segments; the rest comes from other "
                "rates inside them. Both add up exactly.",
                "变化中来自各细分占比改变的部分；其余来自细分内部比率的改变。两者精确相加。",
            ),
            _STAYS, _FOLLOWED, _KNOWN, PORTION, NEUTRAL,
            "(s1 - s0) ((r0 + r1) / 2 - R); (s0 + s1) / 2 (r1 - r0)",
            also=("rate_part", "share_before", "share_after", "within_days"),
        ),
    ),
)  # fmt: skip
