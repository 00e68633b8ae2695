"""Definitions of what a scored lead or opportunity carries."""

from forecast.explain.definitions.entry import (
    DAY,
    HIGH,
    KNOWN,
    LIKELY,
    MONEY,
    NEUTRAL,
    NONE,
    OPEN,
    PORTION,
    SHARE,
    TEXT,
    TRAINING,
    WITHIN_H,
    Definition,
    Part,
)
from forecast.explain.labels import Text

IDENTITY = (
    Definition(
        "entity",
        Text("Kind and id of the case", "案件类型与编号"),
        Text(
            "What is scored (`lead` or `opportunity`), its id in the CRM, and whose it is at `as_of`.",
            "被评分的对象（`lead` 线索或 `opportunity` 商机）、其 CRM 编号，以及 `as_of` 时的负责人。",
        ),
        OPEN, NONE, KNOWN, TEXT, NEUTRAL,
        also=("entity_id", "owner_id"),
    ),
    Definition(
        "as_of",
        Text("As of, batch, model version", "时点、批次、模型版本"),
        Text(
            "The identity of a number: the moment before which facts count, the last commit that counts, and the model "
            "that read them. The same three give the same bytes again.",
            "一个数字的身份：只计该时点之前的事实、只计到该批次为止的提交、以及解读它们的模型。三者相同，"
            "结果逐字节相同。",
        ),
        OPEN, NONE, NONE, Text("UTC moment; number; text", "UTC 时刻；编号；文本"), NEUTRAL,
        also=("batch", "model_version"),
    ),
    Definition(
        "backdated",
        Text("Backdated", "事后补算"),
        Text(
            "True when the model was trained later than `as_of`: a what-if that stays out of every record.",
            "模型的训练时间晚于 `as_of` 时为真：仅为假设推演，不计入任何战绩。",
        ),
        OPEN, NONE, KNOWN, Text("True or false", "是或否"), NEUTRAL,
    ),
)  # fmt: skip

PROBABILITIES = (
    Definition(
        "probability",
        Text("Win probability", "成交概率"),
        Text(
            "Of cases that the model sees as this one, the share that is won within the horizon. Calibrated: of cases "
            "that were given 20 %, about 20 % are won.",
            "在模型看来与本案相同的案件中，期限内成交的比例。已校准：给出 20 % 的案件中约有 20 % 成交。",
        ),
        OPEN, WITHIN_H, KNOWN, SHARE, LIKELY,
        "P(T <= H, won | x)",
    ),
    Definition(
        "low",
        Text("80 % interval of the probability", "成交概率的 80 % 区间"),
        Text(
            "Where the true win rate of the cases that the model sees alike lies in 80 of 100 such intervals. It "
            "says how "
            "much is known about the rate, not how this one case will end.",
            "在 100 个这样的区间中，有 80 个包含模型视为相同的案件的真实成交率。它说明对成交率了解多少，"
            "而非本案的结局。",
        ),
        OPEN, WITHIN_H, KNOWN, SHARE, NEUTRAL,
        "P(low <= E[won | x] <= high) = 0.8",
        also=("high",),
    ),
    Definition(
        "p_{h}d",
        Text("Win probability within h days", "h 天内的成交概率"),
        Text(
            "The probability of being won within that many days. Never falls from one horizon to a longer one. "
            "Beyond the "
            "follow-up of the data it is an extrapolation; the model card says so.",
            "在该天数内成交的概率，期限越长数值不会变小。超出数据随访期的部分为外推，模型卡中会说明。",
        ),
        OPEN, Text("h days from `as_of`", "自 `as_of` 起 h 天"), KNOWN, SHARE, LIKELY,
        "π(x) · F(h | won, x)",
    ),
    Definition(
        "predicted_close_date",
        Text("Predicted close date", "预测成交日"),
        Text(
            "If the case is won, it is won by this day as likely as after it; 1 win in 10 comes by the day in "
            "`_low`, 9 in "
            "10 by that in `_high`. It says nothing about whether it is won.",
            "若案件最终成交，在此日之前与之后成交的可能性各半；十分之一的成交不晚于 `_low` 之日，十分之九不晚于 "
            "`_high` 之日。"
            "它不说明案件是否会成交。",
        ),
        OPEN,
        Text("From `as_of` to the longest follow-up of the data", "自 `as_of` 起至数据的最长随访期"),
        Text(
            "Given that the case is won, and all that was known at `as_of`",
            "以案件成交为条件，并给定 `as_of` 时已知的信息",
        ),
        DAY, NEUTRAL,
        "median of T | won, x",
        also=("predicted_close_low", "predicted_close_high"),
    ),
    Definition(
        "slip_probability",
        Text("Slip probability", "延期概率"),
        Text(
            "Of the ways to win the case, the share that comes after the close date that the rep expects; 1 when "
            "that date "
            "has passed, empty without one. A lost case does not slip.",
            "在案件成交的各种可能中，晚于销售预计成交日的占比；该日已过时为 1，未填写时为空。丢单不算延期。",
        ),
        OPEN,
        Text(
            "From the rep's expected close date to the longest follow-up of the data",
            "自销售填写的预计成交日起至数据的最长随访期",
        ),
        Text(
            "Given that the case is won, and all that was known at `as_of`",
            "以案件成交为条件，并给定 `as_of` 时已知的信息",
        ),
        SHARE,
        Text("Lower means that the date holds more likely", "越低则预计日期越可靠"),
        "1 - P(T <= expected close, won | x) / P(won | x)",
    ),
    Definition(
        "amount_if_won",
        Text("Amount if won", "成交金额（若成交）"),
        Text(
            "What the case brings on average if it is won, learned from what was asked and what was won, with its 80 "
            "% range. "
            "Empty without an amount.",
            "案件若成交平均带来的金额，由报价与实际成交金额学得，附 80 % 区间。未填金额时为空。",
        ),
        OPEN, WITHIN_H,
        Text(
            "Given that the case is won, and all that was known at `as_of`",
            "以案件成交为条件，并给定 `as_of` 时已知的信息",
        ),
        Text("Currency of the case", "案件的币种"), NEUTRAL,
        "E[amount | won, x]",
        also=("amount_low", "amount_high"),
    ),
    Definition(
        "expected_value",
        Text("Expected value", "期望金额"),
        Text(
            "Probability times amount: what such a case brings on average. Empty without an amount or an exchange "
            "rate.",
            "概率乘以金额：此类案件平均带来的金额。无金额或汇率时为空。",
        ),
        OPEN, WITHIN_H, KNOWN, MONEY, HIGH,
        "probability · amount",
    ),
    Definition(
        "amount_reporting",
        Text("Amount in the reporting currency", "报告币种金额"),
        Text(
            "The amount asked, at the exchange rate of `as_of`. Empty without an amount or a rate.",
            "按 `as_of` 时的汇率换算的报价金额。无金额或汇率时为空。",
        ),
        OPEN, NONE, KNOWN, MONEY, NEUTRAL,
    ),
    Definition(
        "previous_probability",
        Text("Probability about a week before", "约一周前的成交概率"),
        Text(
            "What the same model version said of the case six to fourteen days before, and the change since; empty "
            "where it said nothing then.",
            "同一模型版本在六至十四天前给出的成交概率，以及此后的变化；当时未评分则为空。",
        ),
        OPEN, WITHIN_H,
        Text("All that was known at `previous_as_of`", "`previous_as_of` 时已知的全部信息"),
        SHARE, LIKELY,
        also=("previous_as_of", "change"),
    ),
)  # fmt: skip

RANKS = (
    Definition(
        "percentile",
        Text("Percentile", "百分位"),
        Text(
            "Rank among the open cases of this scoring: 90 means scored above about 90 % of them. No probability.",
            "在本次评分的在谈案件中的排名：90 表示高于其中约 90 %。它不是概率。",
        ),
        OPEN, WITHIN_H, KNOWN, Text("0 to 100", "0 至 100"), LIKELY,
        "100 · (rank - 0.5) / n",
    ),
    Definition(
        "grade",
        Text("Grade", "等级"),
        Text(
            "The probability in four steps of odds against the base rate: A from 2.5 times, B from 1 time, C from 0.4 "
            "times the base rate's odds, else D.",
            "按赔率与基准率之比分为四级：不低于基准赔率 2.5 倍为 A，1 倍为 B，0.4 倍为 C，其余为 D。",
        ),
        OPEN, WITHIN_H, KNOWN, Text("A, B, C or D", "A、B、C 或 D"), Text("A is the most likely", "A 最可能成交"),
        "p / (1 - p) : base / (1 - base)",
    ),
)  # fmt: skip

REASONS = (
    Definition(
        "base",
        Text("Base rate", "基准率"),
        Text(
            "Where the reasons of every score start: the mean probability of the model's training cases, moved to "
            "`as_of` by "
            "what came of the cases at risk in the last weeks and by the season.",
            "每个评分的理由都从这里起算：模型训练案件的平均概率，并按最近数周在谈案件的结果与季节调整至 `as_of`。",
        ),
        TRAINING, WITHIN_H, KNOWN, SHARE, NEUTRAL,
        "mean of P(T <= H, won | x), moved on log-odds",
    ),
    Definition(
        "reasons",
        Text("Points of the reasons", "理由得分"),
        Text(
            "What each reason adds to the base rate or takes from it. `base` and all points together are the "
            "probability, exactly. They say what the score is made of, not what would change the outcome. Reasons of "
            "less than 0.02 · base · (1 - base) are not told one by one: they are in the sum of the others, `rest`.",
            "每条理由在基准率之上增加或减少多少。`base` 加上全部得分恰好等于成交概率。它们说明评分的构成，"
            "而非改变结果的办法。小于 0.02 · base · (1 - base) 的理由不逐条说明，计入其余合计 `rest`。",
        ),
        OPEN, WITHIN_H, KNOWN, Text("Probability, -1 to 1", "概率，-1 至 1"), LIKELY,
        "φ_j · (σ(z) - σ(z0)) / (z - z0)",
        also=("points", "rest"),
    ),
    Definition(
        "rate",
        Text("Cases alike", "相似案件"),
        Text(
            "Evidence of a reason: how many training cases had a similar value of the feature, and the share of them "
            "that "
            "was won. About this one feature alone, whatever else differs.",
            "理由的证据：训练案件中该特征取值相近者的数量，以及其中成交的比例。只看这一个特征，不论其他差别。",
        ),
        TRAINING, WITHIN_H, TRAINING, PORTION, NEUTRAL,
        "won / n",
        also=("n",),
    ),
    Definition(
        "effect",
        Text("Effect of a next step", "下一步行动的效果"),
        Text(
            "By how much acting now changes the win probability against going on as usual, among comparable cases, "
            "with its "
            "95 % interval and what it costs in minutes. The action is \"unknown\" where the data cannot tell an "
            "effect "
            "from a habit.",
            "在可比案件中，与照常推进相比，现在采取行动使成交概率改变多少，附 95 % 区间及所需分钟数；"
            "数据无法区分效果与习惯时行动为“未知”。",
        ),
        Text(
            "Open cases for which the action was both taken and left often enough",
            "该行动被采取与未被采取都足够常见的在谈案件",
        ),
        Text("H days from the action", "自行动起 H 天"),
        Text(
            "Given all that was known before the action; assumes that nothing unseen decides about both action and "
            "outcome",
            "给定行动之前已知的信息；假定没有未观测因素同时影响行动与结果",
        ),
        Text("Probability, -1 to 1", "概率，-1 至 1"), HIGH,
        "E[won | do(act now), x] - E[won | as usual, x]",
        also=("action", "effect_low", "effect_high", "cost_minutes", "uplift"),
    ),
    Definition(
        "gain",
        Text("What would raise it", "如何提高评分"),
        Text(
            "By how much the score itself would rise if a field that a rep can change had another value that similar "
            "cases "
            "have. About the score, not about the outcome.",
            "若销售可更改的某字段取相似案件中的另一值，评分本身会提高多少。说的是评分，不是结果。",
        ),
        OPEN, WITHIN_H, KNOWN, Text("Probability, 0 to 1", "概率，0 至 1"), LIKELY,
        "p(x') - p(x)",
    ),
)  # fmt: skip

SCORES = Part(
    "scores",
    Text("Scores", "评分"),
    Text(
        "One row per open lead or opportunity: `forecast score`, the score history and the API.",
        "每条在谈线索或商机一行：见 `forecast score`、评分历史与 API。",
    ),
    (*IDENTITY, *PROBABILITIES, *RANKS, *REASONS),
)
