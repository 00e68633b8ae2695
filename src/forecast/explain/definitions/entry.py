"""What the definition of a published number says, and the phrases that many of them share."""

import re
from dataclasses import dataclass

from forecast.explain.labels import Text


@dataclass(frozen=True)
class Definition:
    """One published number, or one field that says which number it is.

    Attributes
    ----------
    name : str
        Of the column or field; ``{h}`` stands for a number of days.
    title, meaning : Text
    population : Text
        Over which cases.
    horizon : Text
        About which time.
    condition : Text
        Given what was known.
    unit : Text
    direction : Text
        What is good.
    formula : str
        The same in every language; empty where there is none.
    also : tuple of str
        Further columns that this entry explains, such as the ends of its interval.
    """

    name: str
    title: Text
    meaning: Text
    population: Text
    horizon: Text
    condition: Text
    unit: Text
    direction: Text
    formula: str = ""
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that this entry explains."""
        return (self.name, *self.also)

    def explains(self, column: str) -> bool:
        """Whether this entry is about a column of that name."""
        patterns = (re.escape(name).replace(r"\{h\}", r"\d+") for name in self.names)
        return any(re.fullmatch(pattern, column) for pattern in patterns)


@dataclass(frozen=True)
class Part:
    """Definitions that belong together, under one heading."""

    code: str
    title: Text
    about: Text
    entries: tuple[Definition, ...]


NONE = Text("–", "–")

# Populations
OPEN = Text("Leads and opportunities that are open at `as_of`", "在 `as_of` 时仍在谈的线索与商机")
JUDGED = Text(
    "Snapshots of open cases on time after the model's training; repeated snapshots of a case count as one case in "
    "intervals",
    "训练截止之后各时点上仍在谈的案件快照；同一案件的多次快照在区间中只算一个案件",
)
GROUP = Text("The judged snapshots of one segment, month or age", "某一细分、月份或存续时间内的被评估快照")
PATHS = Text(
    "The revenue of an owner, team or the company over many simulated paths of the period",
    "某负责人、团队或公司在该期间众多模拟路径上的收入",
)
SERIES = Text("One demand series, or all series together", "单个需求序列，或全部序列合计")

# Horizons
WITHIN_H = Text(
    "H days from `as_of`; H = `conversion_horizon_days`, or the longest shorter one that the follow-up supports",
    "自 `as_of` 起 H 天；H 为 `conversion_horizon_days`，或随访期所能支持的较短期限",
)
SCORED_H = Text("H days from each snapshot, all of them past", "每个快照起 H 天，均已过去")
PERIOD = Text("The named period", "所指定的期间")
AHEAD = Text("The forecast periods after the cutoff", "截止点之后的预测期")

# Conditions
KNOWN = Text(
    "All that was recorded before `as_of`, in commits up to `batch`, read by `model_version`",
    "`as_of` 之前、截至批次 `batch` 已记录的全部信息，由 `model_version` 解读",
)
LATER = Text(
    "Each prediction uses only what was known at its snapshot, by a model fitted on earlier time",
    "每个预测只用快照当时已知的信息，模型只用更早的数据训练",
)
TRAINING = Text("The training rows of `model_version`", "`model_version` 的训练数据")

# Units
SHARE = Text("Probability, 0 to 1", "概率，0 至 1")
PORTION = Text("Share, 0 to 1", "占比，0 至 1")
NATS = Text("Nats per case", "每案件 nat")
COUNT = Text("Number", "个数")
MONEY = Text("Reporting currency", "报告币种")
PLAIN = Text("None", "无单位")
DAY = Text("Calendar day of the workspace's time zone", "工作区时区的日历日")
TEXT = Text("Text", "文本")

# Directions
HIGH = Text("Higher is better", "越高越好")
LOW = Text("Lower is better", "越低越好")
LIKELY = Text("Higher means more likely to be won", "越高越可能成交")
NEUTRAL = Text("Neither is better", "无优劣之分")
