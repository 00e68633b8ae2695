"""Definitions of how good scores were: the evaluation table, its breakdowns and the gate."""

from forecast.explain.definitions.entry import (
    COUNT,
    GROUP,
    HIGH,
    JUDGED,
    LATER,
    LOW,
    NATS,
    NEUTRAL,
    NONE,
    PLAIN,
    SCORED_H,
    SHARE,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_CLUSTERED = Text(
    "Ends in `_low` and `_high`: 95 % interval that draws whole cases.",
    "以 `_low`、`_high` 结尾者为 95 % 区间，按案件整体抽样。",
)


def _with_interval(en: str, zh: str) -> Text:
    return Text(f"{en} {_CLUSTERED.en}", f"{zh}{_CLUSTERED.zh}")


LOSSES = (
    Definition(
        "model",
        Text("Model and sizes", "模型与样本量"),
        Text(
            "Name of the compared model, and how many snapshots and distinct cases it was judged on; all on the same.",
            "被比较模型的名称，以及用于评估的快照数与案件数；各模型所用数据相同。",
        ),
        JUDGED, SCORED_H, NONE, COUNT, NEUTRAL,
        also=("n_rows", "n_entities"),
    ),
    Definition(
        "log_loss",
        Text("Log loss", "对数损失"),
        _with_interval(
            "Mean surprise at the outcomes. Least, on average, when the true probabilities are said.",
            "对结果的平均意外程度；说出真实概率时平均最小。",
        ),
        JUDGED, SCORED_H, LATER, NATS, LOW,
        "-mean(y ln p + (1 - y) ln(1 - p))",
        also=("log_loss_low", "log_loss_high"),
    ),
    Definition(
        "skill",
        Text("Skill", "技巧得分"),
        Text(
            "Share of the baseline's log loss that the model takes away: 0 is no better than the group rate (in "
            "backtests: the base rate), 1 is perfect, below 0 is worse.",
            "模型消除了基线对数损失的多大比例：0 表示不优于组别成交率（回测中为基准率），1 为完美，低于 0 更差。",
        ),
        JUDGED, SCORED_H, LATER, PLAIN, HIGH,
        "1 - log loss / log loss of the baseline",
    ),
    Definition(
        "brier_loss",
        Text("Brier score", "Brier 分数"),
        Text("Mean squared distance of the probability from the outcome.", "概率与结果之差的平方均值。"),
        JUDGED, SCORED_H, LATER, Text("0 to 1", "0 至 1"), LOW,
        "mean((p - y)²) = reliability - resolution + uncertainty",
    ),
    Definition(
        "brier_reliability",
        Text("Brier: reliability", "Brier 分解：可靠性"),
        Text(
            "Part of the Brier score that comes from rates differing from what was said, over ten bins of equal mass.",
            "Brier 分数中因实际比例与所述概率不符而产生的部分，按十个等量分箱计算。",
        ),
        JUDGED, SCORED_H, LATER, Text("0 to 1", "0 至 1"), LOW,
        "Σ w_b (p_b - y_b)²",
    ),
    Definition(
        "brier_resolution",
        Text("Brier: resolution", "Brier 分解：分辨力"),
        Text(
            "Part that telling cases apart takes away; with what bins hide, so that the three parts add up exactly.",
            "因能区分案件而减少的部分；含箱内部分，使三部分之和恰好相等。",
        ),
        JUDGED, SCORED_H, LATER, Text("0 to 1", "0 至 1"), HIGH,
        "Σ w_b (y_b - y)² - within variance + within covariance",
    ),
    Definition(
        "brier_uncertainty",
        Text("Brier: uncertainty", "Brier 分解：不确定性"),
        Text(
            "The Brier score of saying the rate that came for everybody: nobody's merit, nobody's fault.",
            "对所有案件都说最终成交率时的 Brier 分数：与模型好坏无关。",
        ),
        JUDGED, SCORED_H, NONE, Text("0 to 0.25", "0 至 0.25"), NEUTRAL,
        "y (1 - y)",
    ),
)  # fmt: skip

RANKING = (
    Definition(
        "roc_auc",
        Text("AUC", "AUC（排序能力）"),
        _with_interval(
            "How often a case that is won is scored above one that is not. Says nothing about the level of the "
            "probabilities.",
            "成交案件的评分高于未成交案件的概率；不说明概率高低是否准确。",
        ),
        JUDGED, SCORED_H, LATER, Text("0 to 1; 0.5 without signal", "0 至 1；无信号时为 0.5"), HIGH,
        "P(p_won > p_other) + ½ P(p_won = p_other)",
        also=("roc_auc_low", "roc_auc_high"),
    ),
    Definition(
        "average_precision",
        Text("Average precision (PR-AUC)", "平均精确率（PR-AUC）"),
        Text(
            "Win rate among the cases from the top of the list down to each win, averaged over the wins.",
            "自名单顶部至每个成交案件为止的成交率，对全部成交案件取平均。",
        ),
        JUDGED, SCORED_H, LATER, Text("0 to 1; the win rate without signal", "0 至 1；无信号时为成交率"), HIGH,
        "Σ (recall_k - recall_{k-1}) precision_k",
    ),
    Definition(
        "lift_10",
        Text("Lift and gains", "提升度与累计收益"),
        Text(
            "Lift: how many times the win rate of all the best-scored share is won (`lift_10`: the best tenth). Gains: "
            "the share of all wins among them.",
            "提升度：评分最高的一部分（`lift_10` 为前十分之一）成交率是总体的几倍。累计收益：其中包含全部成交的比例。",
        ),
        JUDGED, SCORED_H, LATER, Text("Times; 1 without signal", "倍；无信号时为 1"), HIGH,
        "gains(s) / s",
        also=("lift", "gains", "share"),
    ),
)  # fmt: skip

CALIBRATION = (
    Definition(
        "calibration_slope",
        Text("Calibration slope and intercept", "校准斜率与截距"),
        Text(
            "Outcomes regressed on the log-odds that were said. Slope 1 and intercept 0 are right; a slope below 1 "
            "means "
            "overconfident, above 1 too timid. Slope: 95 % interval by cases in `_low` and `_high`.",
            "以所述对数赔率对结果回归。斜率 1、截距 0 为正确；斜率小于 1 为过度自信，大于 1 为过于保守。"
            "`_low`、`_high` 为斜率按案件计算的 95 % 区间。",
        ),
        JUDGED, SCORED_H, LATER, PLAIN,
        Text(
            "1 is right (slope), 0 is right (intercept)",
            "斜率以 1 为准，截距以 0 为准",
        ),
        "logit P(y = 1) = intercept + slope · logit p",
        also=("calibration_intercept", "calibration_slope_low", "calibration_slope_high"),
    ),
    Definition(
        "calibration_error",
        Text("Calibration error (ECE)", "校准误差（ECE）"),
        Text(
            "Mean distance between observed rate and mean probability over ten bins of equal mass. Chance alone "
            "keeps it "
            "above 0: read it beside its floor.",
            "十个等量分箱中实际比例与平均概率之差的均值。仅凭偶然它也大于 0，应与其噪声下限对照。",
        ),
        JUDGED, SCORED_H, LATER, SHARE, LOW,
        "Σ w_b |y_b - p_b|",
    ),
    Definition(
        "calibration_error_floor",
        Text("Noise floor of the calibration error", "校准误差的噪声下限"),
        Text(
            "The calibration error that exactly right probabilities of the same cases would show: the mean, and in "
            "`_high` what 1 in 20 exceeds. An error below `_high` is no evidence against the model.",
            "同样案件的概率若完全正确所会显示的校准误差：均值；`_high` 为每 20 次中有 1 次超过的值。误差低于 `_high` "
            "不构成对模型的反证。",
        ),
        JUDGED, SCORED_H,
        Text(
            "Outcomes drawn from the probabilities themselves",
            "结果由概率本身随机生成",
        ),
        SHARE, NEUTRAL,
        "E[ECE | y ~ p]",
        also=("calibration_error_floor_high",),
    ),
    Definition(
        "calibration_error_debiased",
        Text("Calibration error without chance", "去偏校准误差"),
        Text(
            "Root mean square distance of rates and probabilities, less what chance adds; 0 when nothing is left. "
            "Weighs "
            "large gaps more than the calibration error does.",
            "实际比例与概率之差的均方根，扣除偶然成分；无剩余时为 0。对大的偏差给予更高权重。",
        ),
        JUDGED, SCORED_H, LATER, SHARE, LOW,
        "√max(0, Σ w_b ((y_b - p_b)² - s_b²))",
    ),
    Definition(
        "miscalibration",
        Text("Miscalibration loss", "失准损失"),
        Text(
            "Log loss that the best straight recalibration would take away; a right model shows about 1 / n by chance.",
            "最佳线性再校准所能减少的对数损失；正确的模型因偶然约显示 1 / n。",
        ),
        JUDGED, SCORED_H, LATER, NATS, LOW,
        "log loss(p) - log loss(recalibrated p)",
        also=("champion_miscalibration", "challenger_miscalibration"),
    ),
)  # fmt: skip

GROUPS = (
    Definition(
        "win_rate",
        Text("Win rate", "成交率"),
        Text(
            "Share of the snapshots whose case was won within the horizon; `mean_probability` is what was said of "
            "them.",
            "期限内成交的快照所占比例；`mean_probability` 为对它们所述概率的均值。",
        ),
        JUDGED, SCORED_H, NONE, SHARE, NEUTRAL,
        "mean(y)",
        also=("mean_probability",),
    ),
    Definition(
        "gap",
        Text("Observed less expected, by group", "分组的实际减预期"),
        Text(
            "Win rate less mean probability of one group, with its 95 % interval by cases. `verdict` says whether "
            "the gap "
            "is more than chance, allowing for the number of groups, or that the group is too small to say.",
            "某组成交率减平均概率，附按案件计算的 95 % 区间。`verdict` 在考虑组数后说明差距是否超出偶然，"
            "或该组太小无法判断。",
        ),
        GROUP, SCORED_H, LATER, Text("Probability, -1 to 1", "概率，-1 至 1"), Text("0 is right", "以 0 为准"),
        "mean(y - p)",
        also=("gap_low", "gap_high", "verdict", "group", "n_entities_won"),
    ),
    Definition(
        "difference",
        Text("Log loss against the baseline", "相对基线的对数损失"),
        Text(
            "Log loss of the model less that of the baseline on the same cases, with its 95 % interval by cases; in "
            "the "
            "gate against the champion, with the one-sided bound `upper_bound`, which must lie below `margin`.",
            "同样案件上模型与基线对数损失之差，附按案件计算的 95 % 区间；在门槛中与现任模型相比，其单侧上界 "
            "`upper_bound` 须低于 `margin`。",
        ),
        JUDGED, SCORED_H, LATER, NATS, Text("Negative is better", "为负更好"),
        "mean(loss of the model - loss of the baseline)",
        also=("difference_low", "difference_high", "upper_bound", "margin", "champion_log_loss", "challenger_log_loss"),
    ),
    Definition(
        "net_benefit",
        Text("Net benefit and cost-based threshold", "净收益与成本阈值"),
        Text(
            "Wins acted on per case, less those acted on in vain at the exchange rate that the threshold stands for. "
            "Acting "
            "pays from the probability (cost of acting in vain) / (that cost + net gain of a win). Takes the outcome "
            "as "
            "given; whether acting changes it is a question of effect.",
            "每案件采取行动且成交的数量，减去按阈值换算的徒劳行动。当概率达到 徒劳成本 /（徒劳成本 + "
            "成交净收益）时行动划算。"
            "此处视结果为既定；行动能否改变结果属于效果问题。",
        ),
        JUDGED, SCORED_H, LATER, Text("Wins per case", "每案件成交数"), HIGH,
        "TP / n - FP / n · t / (1 - t)",
        also=("threshold", "all", "none", "acted"),
    ),
    Definition(
        "qini",
        Text("Qini and AUUC", "Qini 与 AUUC"),
        Text(
            "How many more wins there are when cases with the highest expected effect get the action first, against "
            "giving it to the same number at random.",
            "优先对预期效果最高的案件采取行动，与随机对同样数量的案件采取行动相比，多出的成交数。",
        ),
        Text("Cases of a randomised experiment, or weighted to look like one", "随机实验中的案件，或加权后等同者"),
        SCORED_H, LATER, Text("Wins per case", "每案件成交数"), HIGH,
        "area between the gain curve and the straight line",
        also=("auuc",),
    ),
)  # fmt: skip

QUALITY = Part(
    "quality",
    Text("How good scores were", "评分的准确程度"),
    Text(
        "The evaluation on later time: `forecast train`, `forecast backtest`, the model card and its tables.",
        "在更晚时间上的评估：见 `forecast train`、`forecast backtest`、模型卡及其表格。",
    ),
    (*LOSSES, *RANKING, *CALIBRATION, *GROUPS),
)
