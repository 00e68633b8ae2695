"""What a funnel says in sentences, in English and Chinese."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecast.explain.labels import Text
from forecast.explain.render import percent
from forecast.funnel.measure import Funnel
from forecast.funnel.stages import ALL
from forecast.funnel.visits import LEAD, OPEN

_LEAD = Text("lead", "线索")
_OPEN = Text("open", "在谈")
_BOTTLENECK = Text(
    "Bottleneck: {stage}. Returning to your best quarter's rate here ({best}) is worth {value} a quarter, 80 % "
    "interval {low} to {high}: {now_rate} % now against {best_rate} %.",
    "瓶颈：{stage}。若恢复到此阶段最佳季度（{best}）的水平，每季度价值 {value}，80 % 区间 {low} 至 {high}："
    "目前转化 {now_rate} %，最佳季度 {best_rate} %。",
)
_BOTTLENECK_WINS = Text(
    "Bottleneck: {stage}. Returning to your best quarter's rate here ({best}) is worth {wins} more wins a quarter: "
    "{now_rate} % now against {best_rate} %. No won amounts are known.",
    "瓶颈：{stage}。若恢复到此阶段最佳季度（{best}）的水平，每季度可多成交 {wins} 单：目前转化 {now_rate} %，"
    "最佳季度 {best_rate} %。尚无成交金额。",
)
_NO_BOTTLENECK = Text("No stage is clearly below its own best quarter.", "没有哪个阶段明显低于自身的最佳季度。")
_CHANGE = Text(
    "{stage}: since {since} cases {way} at {factor} times the pace of before; conversion {before} % before, {after} % "
    "since. By chance alone: {chance}.",
    "{stage}：自 {since} 起，案件{way}的速度为此前的 {factor} 倍；转化率此前 {before} %，此后 {after} %。"
    "纯属偶然的概率：{chance}。",
)
_BEGAN = Text(
    "{stage}: since {since} cases {way}, and none did before; conversion {after} % since. By chance alone: {chance}.",
    "{stage}：自 {since} 起案件开始{way}，此前从未有过；此后转化率 {after} %。纯属偶然的概率：{chance}。",
)
_CHANGE_OF = Text("{segment}, {stage}", "{segment}，{stage}")
_NO_CHANGE = Text(
    "No stage has changed by more than chance (at most one look in 200 at an unchanged funnel raises a false alarm).",
    "没有哪个阶段的变化超出偶然（漏斗不变时，至多每 200 次查看误报一次）。",
)
_WAYS = {"converts": Text("move on", "推进"), "drops": Text("drop out or fall back", "流失或退回")}
_REASON = Text(
    "{stage}, {about}, by {by}: of {change} points within {days} days {mix} come from another mix of cases and {rate} "
    "from other rates; most from {segment} ({effect}).",
    "{stage}，{about}，按{by}：{days} 天内转化率 {change} 个百分点的变化中，案件构成贡献 {mix}，转化率贡献 {rate}；"
    "其中 {segment} 影响最大（{effect}）。",
)
_ABOUT = {
    "change": Text("since {since}", "自 {since} 起"),
    "bottleneck": Text("since the quarter {since}", "自 {since} 季度以来"),
}
_DIMENSIONS = {
    "owner": Text("owner", "负责人"),
    "team": Text("team", "团队"),
    "region": Text("region", "地区"),
    "category": Text("product category", "产品类别"),
    "channel": Text("channel", "渠道"),
}
_NAIVE = Text(
    "{stage}: {rate} % move on (80 % interval {low} to {high}) within {days} days; the naive ratio says {naive} %, "
    "because {open} of {n} are still there.",
    "{stage}：{days} 天内 {rate} % 会推进（80 % 区间 {low} 至 {high}）；简单比率为 {naive} %，因为 {n} 个中"
    "仍有 {open} 个停留在此。",
)
_LONGER = Text(
    "{stage}: {still} % stay longer than the {days} days that can be followed, so in the end between {rate} % and "
    "{top} % move on.",
    "{stage}：{still} % 的停留超过可追踪的 {days} 天，因此最终推进的比例在 {rate} % 与 {top} % 之间。",
)
#: Points below which naive and estimate agree, and above which "still there" is worth a word.
_WORTH_A_WORD = 0.02
_UNWATCHED = Text(
    "{n} cases are left out because their beginning was not seen: they became known later, or with their end.",
    "{n} 个案件因未见其开始（事后才录入或随结束一同录入）而未计入。",
)


def stage_label(stage: str, lang: str = "en") -> str:
    """A stage's name; that of the step before all stages and of a company without stages in ``lang``."""
    return {LEAD: _LEAD, OPEN: _OPEN}[stage].in_language(lang) if stage in (LEAD, OPEN) else stage


def funnel_texts(funnel: Funnel, lang: str = "en") -> list[dict[str, str]]:
    """Sentences about a funnel: bottleneck, changes, reasons, and where the naive ratio misleads.

    Returns
    -------
    list of dict
        ``code`` (``bottleneck``, ``change``, ``reason``, ``naive``, ``longer``, ``unwatched``) and ``text``; in this
        order. A "no ..." sentence where nothing was found.
    """
    said = [("bottleneck", _bottleneck(funnel, lang))]
    said += [("change", text) for text in _changes(funnel, lang)]
    said += [("reason", text) for text in _reasons(funnel, lang)]
    for row in funnel.table.to_dict("records"):
        said += _of_stage({str(name): value for name, value in row.items()}, lang)
    if funnel.n_unwatched:
        said.append(("unwatched", _UNWATCHED.in_language(lang).format(n=f"{funnel.n_unwatched:,}")))
    return [{"code": code, "text": text} for code, text in said]


def _bottleneck(funnel: Funnel, lang: str) -> str:
    found = funnel.bottlenecks[funnel.bottlenecks["is_bottleneck"]]
    if found.empty:
        return _NO_BOTTLENECK.in_language(lang)
    line = found.iloc[0]
    money = {name: f"{line[key]:,.0f} {funnel.currency}" for name, key in
             (("value", "value"), ("low", "value_low"), ("high", "value_high"))}  # fmt: skip
    text = _BOTTLENECK_WINS if line["value"] != line["value"] else _BOTTLENECK
    return text.in_language(lang).format(
        stage=stage_label(line["stage"], lang),
        best=line["best"],
        wins=f"{line['extra_wins']:,.1f}",
        now_rate=percent(line["conversion_now"]),
        best_rate=percent(line["conversion_best"]),
        **money,
    )


def _changes(funnel: Funnel, lang: str) -> list[str]:
    alarms = funnel.changes[funnel.changes["is_alarm"]] if len(funnel.changes) else funnel.changes
    texts = []
    for line in alarms.to_dict("records"):
        stage = stage_label(line["stage"], lang)
        if line["segment"] != ALL:
            stage = _CHANGE_OF.in_language(lang).format(segment=line["segment"], stage=stage)
        sentence = _CHANGE if np.isfinite(line["factor"]) else _BEGAN
        texts.append(
            sentence.in_language(lang).format(
                stage=stage,
                since=line["since"],
                way=_WAYS[line["way"]].in_language(lang),
                factor=f"{line['factor']:.2g}",
                before=percent(line["conversion_before"]),
                after=percent(line["conversion_after"]),
                chance=f"{line['p_adjusted']:.2g}",
            )
        )
    return texts or [_NO_CHANGE.in_language(lang)]


def _reasons(funnel: Funnel, lang: str) -> list[str]:
    texts = []
    for (about, stage, since, by), rows in funnel.reasons.groupby(["about", "stage", "since", "by"], sort=False):
        mix, rate = rows["mix_part"].sum(), rows["rate_part"].sum()
        top = rows.iloc[0]
        texts.append(
            _REASON.in_language(lang).format(
                stage=stage_label(str(stage), lang),
                about=_ABOUT[str(about)].in_language(lang).format(since=since),
                by=_DIMENSIONS[str(by)].in_language(lang),
                days=f"{top['within_days']:,.0f}",
                change=_points(mix + rate),
                mix=_points(mix),
                rate=_points(rate),
                segment=top["segment"],
                effect=_points(top["mix_part"] + top["rate_part"]),
            )
        )
    return texts


def _of_stage(row: Mapping[str, Any], lang: str) -> list[tuple[str, str]]:
    """Where the naive ratio misleads, and where the follow-up is too short for the long run."""
    if row["converted"] != row["converted"]:
        return []
    said = []
    words = {
        "stage": stage_label(row["stage"], lang),
        "rate": percent(row["converted"]),
        "low": percent(row["converted_low"]),
        "high": percent(row["converted_high"]),
        "days": f"{row['followed_days']:,.0f}",
        "naive": percent(row["naive_of_entered"]),
        "open": f"{row['n_open']:,}",
        "n": f"{row['n_entered']:,}",
        "still": percent(row["still"]),
        "top": percent(min(row["converted"] + row["still"], 1.0)),
    }
    if abs(row["converted"] - row["naive_of_entered"]) > _WORTH_A_WORD:
        said.append(("naive", _NAIVE.in_language(lang).format(**words)))
    if row["still"] > _WORTH_A_WORD:
        said.append(("longer", _LONGER.in_language(lang).format(**words)))
    return said


def _points(share: float) -> str:
    """Percentage points with their sign."""
    return f"{100 * share:+.1f}".replace("-", "−")
