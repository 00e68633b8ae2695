"""Definitions of the outlook: what is expected, what stands beside it, how often it was right, what moved it."""

from forecast.explain.definitions.entry import (
    COUNT,
    HIGH,
    KNOWN,
    MONEY,
    NEUTRAL,
    PATHS,
    PERIOD,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_NODES = Text("A person, a team with all sub-teams, or the company", "某人、某团队（含所有下级团队）或公司")
_PAST = Text("Kept forecasts of periods that are over", "已结束期间的留存预测")

OUTLOOK = Part(
    "outlook",
    Text("Outlook", "收入展望"),
    Text(
        "Revenue of a period per rep, team and company: `forecast outlook`.",
        "各负责人、团队与公司的期间收入：见 `forecast outlook`。",
    ),
    (
        Definition(
            "mean",
            Text("Mean", "均值"),
            Text(
                "Expected revenue of the period: `booked` (won so far) + `open` (from open opportunities) + `arriving` "
                "(from those to come) + `repeat` (orders without an opportunity). In demand: expected quantity. Means "
                "add up from rep to team to company.",
                "期间的预期收入：`booked`（已成交）+ `open`（在谈商机）+ `arriving`（将出现的商机）+ "
                "`repeat`（无商机的复购订单）。"
                "需求预测中为预期数量。均值可由负责人逐级加总至公司。",
            ),
            PATHS, PERIOD, KNOWN, MONEY, HIGH,
            "E[X] = booked + open + arriving + repeat",
            also=("booked", "open", "arriving", "repeat", "expected"),
        ),
        Definition(
            "q0.1",
            Text("Quantiles and the 80 % range", "分位数与 80 % 区间"),
            Text(
                "The revenue (or quantity) stays below `q0.1` in 10, below `q0.5` in 50 and below `q0.9` in 90 of 100 "
                "cases. Quantiles do not add up.",
                "收入（或数量）低于 `q0.1` 的可能为 10 %，低于 `q0.5` 为 50 %，低于 `q0.9` 为 90 %。分位数不可相加。",
            ),
            PATHS, PERIOD, KNOWN, MONEY, NEUTRAL,
            "P(X <= q_a) = a",
            also=("q0.5", "q0.9"),
        ),
        Definition(
            "weighted_pipeline",
            Text("What users know beside it", "并列的常用算法"),
            Text(
                "Baselines: `weighted_pipeline` (booked + open amounts, each by the share of its stage that was won), "
                "`category_commit` and `category_best` (booked + what the rep calls commit, or also best case, for the "
                "period), `last_year` (booked + the rest of the same period a year ago times growth). Empty where the "
                "rule has nothing to go by.",
                "基线：`weighted_pipeline`（已成交 + 在谈金额按所处阶段的历史赢率加权）、`category_commit` 与 "
                "`category_best`（已成交 + 负责人标为承诺、或另含最佳情形的商机）、`last_year`（已成交 + "
                "去年同期剩余部分乘以增长率）。规则无从计算时为空。",
            ),
            _NODES, PERIOD, KNOWN, MONEY, NEUTRAL,
            also=("category_commit", "category_best", "last_year"),
        ),
        Definition(
            "override",
            Text("Override", "经理判断"),
            Text(
                "What a manager last said instead of the model, with author, reason and time. It changes no number of "
                "ours; how right it was is counted like the model.",
                "经理最近一次给出的替代数字，附作者、理由与时间。它不改变我们的任何数字；其准确度与模型同样统计。",
            ),
            _NODES, PERIOD, KNOWN, MONEY, NEUTRAL,
        ),
        Definition(
            "came_true",
            Text("Record of the ranges", "区间兑现记录"),
            Text(
                "Of `of` ranges of this level and number of days ahead, stated at `stated` (80 %), `came_true` held "
                "what then came; with the 95 % binomial interval of that share. Only snapshots that were saved on "
                "their day count (`is_public`).",
                "同层级、同提前天数、标称 `stated`（80 %）的 `of` 个区间中，有 `came_true` 个包含了实际结果；"
                "附该比例的 95 % 二项区间。仅统计当日保存的快照（`is_public`）。",
            ),
            _PAST, PERIOD, KNOWN, COUNT, Text("The stated share is right", "以标称比例为准"),
            "came_true / of",
            also=("stated", "of", "came_true_low", "came_true_high", "is_public", "horizon"),
        ),
        Definition(
            "error",
            Text("Forecast against actual", "预测与实际"),
            Text(
                "A kept forecast less the actual of the finished period: positive when too high. `bias_share`: sum of "
                "errors over the sum of absolute actuals, per `forecaster` (model, a baseline, override); "
                "`model_wape`: WAPE of the model on the same periods.",
                "留存预测减去已结束期间的实际值：为正表示偏高。`bias_share`：各预测者（`forecaster`：模型、基线、"
                "经理判断）误差之和除以实际绝对值之和；`model_wape`：模型在相同期间上的 WAPE。",
            ),
            _PAST, PERIOD, KNOWN, MONEY, Text("0 is best", "以 0 为佳"),
            "mean - actual",
            also=("actual", "bias_share", "forecaster", "model_wape"),
        ),
        Definition(
            "before",
            Text("What moved", "变动来源"),
            Text(
                "Expected revenue of the period at the earlier (`before`) and the later moment (`after`); the steps "
                "between them, each by rescoring, add up to the difference exactly, for every person and sum.",
                "较早时点（`before`）与较晚时点（`after`）的期间预期收入；其间各步骤均由重新评估得出，"
                "对每个人与每个合计都精确相加为两者之差。",
            ),
            _NODES, PERIOD, KNOWN, MONEY, NEUTRAL,
            "after = before + Σ steps",
            also=("after",),
        ),
    ),
)  # fmt: skip
