"""Definitions of targets and of the errors of demand."""

from forecast.explain.definitions.entry import (
    AHEAD,
    COUNT,
    HIGH,
    KNOWN,
    LOW,
    MONEY,
    NEUTRAL,
    PATHS,
    PERIOD,
    PLAIN,
    SERIES,
    SHARE,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_MEASURED = Text("Folds that end before the forecast periods", "截止于预测期之前的各折")

TARGETS = Part(
    "targets",
    Text("Targets", "目标"),
    Text("Proposals of equal difficulty: `forecast targets`.", "难度相等的目标建议：见 `forecast targets`。"),
    (
        Definition(
            "amount",
            Text("Target", "目标金额"),
            Text(
                "What the owner is to reach. Amounts of people add up to their team's and to the company's, to the "
                "cent.",
                "负责人应达到的金额。个人目标之和等于团队目标与公司目标，精确到分。",
            ),
            PATHS, PERIOD, KNOWN, MONEY, NEUTRAL,
            "t_i = Q_i(1 - a),  Σ t_i = T",
        ),
        Definition(
            "odds",
            Text("Odds of attainment", "达成概率"),
            Text(
                "Probability of reaching the target, recomputed from the paths for each owner and each sum.",
                "达到目标的概率，由模拟路径对每位负责人与每个合计重新计算。",
            ),
            PATHS, PERIOD, KNOWN, SHARE, Text("Higher is easier", "越高越容易"),
            "P(X_i >= t_i)",
            also=("company_odds",),
        ),
        Definition(
            "ambition",
            Text("Ambition", "难度"),
            Text(
                "The common odds that every owner has in a proposal. The company's own odds are another number.",
                "建议中每位负责人共同的达成概率。公司自身的达成概率是另一个数字。",
            ),
            PATHS, PERIOD, KNOWN, SHARE, Text("Lower is more ambitious", "越低越有挑战"),
            "a with Σ Q_i(1 - a) = T",
        ),
        Definition(
            "usual_share",
            Text("Pace of targets", "目标进度"),
            Text(
                "`pace` is attainment over the share of a period's result that is usually booked by this day "
                "(`usual_share`, learned from past periods, shrunk to an even course): 1 is as usual.",
                "`pace` 为目标达成率除以通常在此日之前已实现的占比（`usual_share`，由过往期间学得并向匀速收缩）："
                "1 表示与往常相同。",
            ),
            PATHS, PERIOD, KNOWN, PLAIN, HIGH,
            "pace = attainment / usual_share",
        ),
        Definition(
            "pipeline_coverage",
            Text("Pipeline coverage", "管道覆盖率"),
            Text(
                "`pipeline`, the amounts of open opportunities whose expected close lies in the period, over "
                "`remaining`, what is missing to the target. `weighted_coverage`: what is expected of open "
                "opportunities over it.",
                "`pipeline`（预计成交日在期内的在谈商机金额）除以 `remaining`（距目标的差额）。"
                "`weighted_coverage`：在谈商机的预期收入除以该差额。",
            ),
            PATHS, PERIOD, KNOWN, PLAIN, HIGH,
            "pipeline / remaining",
            also=("pipeline", "remaining", "weighted_coverage"),
        ),
    ),
)  # fmt: skip

DEMAND = Part(
    "demand",
    Text("Errors of demand forecasts", "需求预测的误差"),
    Text("Measures of `forecast backtest demand` and of its model card.", "见 `forecast backtest demand` 及其模型卡。"),
    (
        Definition(
            "wape",
            Text("WAPE", "WAPE（加权绝对百分比误差）"),
            Text("Sum of absolute errors over the sum of absolute actuals.", "绝对误差之和除以实际值绝对值之和。"),
            SERIES, AHEAD, _MEASURED, PLAIN, LOW,
            "Σ|y - ŷ| / Σ|y|",
        ),
        Definition(
            "bias",
            Text("Bias", "偏差"),
            Text(
                "Sum of errors over the sum of actuals; positive is an over-forecast.",
                "误差之和除以实际值之和；为正表示预测过高。",
            ),
            SERIES, AHEAD, _MEASURED, PLAIN, Text("0 is best", "以 0 为佳"),
            "Σ(ŷ - y) / Σ|y|",
        ),
        Definition(
            "mase",
            Text("MASE, RMSSE, WRMSSE", "MASE、RMSSE、WRMSSE（标度误差）"),
            Text(
                "Error over that of the (seasonal) naive inside the training window: below 1 beats it there. Absolute, "
                "root of squared, and weighted by the series' share of revenue.",
                "误差与训练窗口内（季节性）朴素预测误差之比：低于 1 即优于后者。依次为绝对误差、均方根误差，"
                "及按收入占比加权。",
            ),
            SERIES, AHEAD, _MEASURED, PLAIN, LOW,
            "MAE / MAE_naive;  √(MSE / MSE_naive);  Σ w_i RMSSE_i",
            also=("rmsse", "wrmsse", "rmse"),
        ),
        Definition(
            "pinball",
            Text("Pinball loss", "分位数损失"),
            Text("Mean loss of a quantile; least at the true one.", "分位数的平均损失；在真实分位数处最小。"),
            SERIES, AHEAD, _MEASURED, Text("Unit of the series", "序列的单位"), LOW,
            "mean max(q (y - ŷ), (q - 1)(y - ŷ))",
        ),
        Definition(
            "coverage",
            Text("Interval coverage", "区间覆盖率"),
            Text(
                "Share of actuals inside the interval; right when it equals its level. `coverage_80`: of the "
                "closed 80 % range; counts repeat values, so that more lie in it even when the forecast is honest. "
                "`coverage_80_pit`: by randomised PIT, where an actual that carries probability is spread over its "
                "levels; fair to counts.",
                "实际值落入区间的比例；等于区间水平即为正确。`coverage_80`：落入 80 % 闭区间的比例；计数数据数值重复，"
                "即使预测如实也会偏高。`coverage_80_pit`：按随机化 PIT 计算，带有概率质量的实际值分散到其所占的各水平，"
                "对计数数据公平。",
            ),
            SERIES, AHEAD, _MEASURED, SHARE, Text("The level is right", "以区间水平为准"),
            "mean(low <= y <= high);  mean(0.1 <= u <= 0.9), u ~ U(P(Y < y), P(Y <= y))",
            also=("coverage_80", "coverage_80_pit"),
        ),
        Definition(
            "width_80",
            Text("Width of the 80 % range", "80 % 区间宽度"),
            Text(
                "Mean width of the range over the mean absolute actual: how sharp it is.",
                "区间平均宽度除以实际值绝对值的均值：反映预测的锐度。",
            ),
            SERIES, AHEAD, _MEASURED, PLAIN, Text("Lower is better at equal coverage", "覆盖率相同时越低越好"),
            "mean(q0.9 - q0.1) / mean|y|",
        ),
        Definition(
            "smape",
            Text("sMAPE", "sMAPE（对称平均绝对百分比误差）"),
            Text(
                "Mean absolute error in percent of the mean of actual and forecast, 0 to 200; 0 where both are 0.",
                "绝对误差占实际值与预测值均值的百分比的平均，0 至 200；两者皆为 0 时记 0。",
            ),
            SERIES, AHEAD, _MEASURED, Text("Percent", "百分比"), LOW,
            "mean 200 |y - ŷ| / (|y| + |ŷ|)",
        ),
        Definition(
            "against_best",
            Text("RMSSE against the best baseline", "相对最佳基线的 RMSSE"),
            Text(
                "RMSSE of the model over that of the best baseline, less 1, with its 95 % interval over series and "
                "origins; empty for that baseline.",
                "模型 RMSSE 与最佳基线 RMSSE 之比减 1，附按序列与起点重抽样的 95 % 区间；该基线自身为空。",
            ),
            SERIES, AHEAD, _MEASURED, SHARE, Text("Negative is better", "为负更好"),
            "RMSSE / RMSSE_best - 1",
            also=("against_best_low", "against_best_high"),
        ),
        Definition(
            "n_series",
            Text("Series", "序列数"),
            Text(
                "Number of series scored, and how many of them have no scale (`n_unscaled`): their past repeats itself "
                "exactly or is absent, so they are left out of RMSSE and MASE. A table may be by `step` (periods "
                "ahead of the cutoff) or `class` (smooth, erratic, intermittent, lumpy, young, ended, empty).",
                "参与评估的序列数，以及其中无法标度者（`n_unscaled`）：历史完全重复或不存在，不计入 RMSSE 与 MASE。"
                "表格可按 `step`（距截止的期数）或 `class`（平稳、波动、间歇、块状、新品、已终止、空）划分。",
            ),
            SERIES, AHEAD, _MEASURED, COUNT, NEUTRAL,
            also=("n_unscaled", "step", "class"),
        ),
    ),
)  # fmt: skip
