"""Definitions of what people and teams did: performance."""

from forecast.explain.definitions.entry import (
    COUNT,
    HIGH,
    LOW,
    MONEY,
    NEUTRAL,
    PERIOD,
    PLAIN,
    PORTION,
    SHARE,
    TEXT,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_ROWS = Text(
    "The rows of a person, of a team's people with all sub-teams, or of the company; counted together, never means of "
    "means",
    "某人、某团队（含所有下级团队）全体成员或公司的记录；合并计数，绝不对均值再取均值",
)
_CASES = Text(
    "Opportunities that were open in the period while the person had them",
    "该期间内由此人负责且处于在谈状态的商机",
)
_KNOWN = Text(
    "All that was recorded before `as_of`, in commits up to `batch`", "`as_of` 之前、截至批次 `batch` 已记录的全部信息"
)
_OTHERS = Text(
    "What was recorded of the case when the person got it, read by a model that never saw the person's cases",
    "案件交到此人手中时已记录的信息，由从未见过此人案件的模型解读",
)
_DAYS, _HOURS = Text("Days", "天"), Text("Hours", "小时")

PERFORMANCE = Part(
    "performance",
    Text("Performance", "业绩表现"),
    Text(
        "People and teams in a period that has begun: `forecast performance`. A running period counts as far as it has "
        "passed. Differences in the quality of leads that nobody recorded remain in every comparison.",
        "已开始期间内个人与团队的表现：见 `forecast performance`。进行中的期间只计已过去的部分。"
        "未被记录的线索质量差异在任何比较中都仍然存在。",
    ),
    (
        Definition(
            "revenue",
            Text("Revenue", "收入"),
            Text(
                "Won opportunities, orders, or both without double counting, by `revenue_from`. `revenue_before` and "
                "`revenue_year_before`: the same part of the period before, and of the one a year before.",
                "按 `revenue_from` 计算的赢单、订单或两者（不重复计）。`revenue_before` 与 `revenue_year_before` "
                "为上一期间及上年同期的相同部分。",
            ),
            _ROWS, PERIOD, _KNOWN, MONEY, HIGH,
            also=("revenue_before", "revenue_year_before"),
        ),
        Definition(
            "growth",
            Text("Growth", "增长率"),
            Text(
                "Revenue over that of the same part of the period before (`growth_year`: a year before), less 1.",
                "收入与上一期间（`growth_year`：上年）相同部分之比减 1。",
            ),
            _ROWS, PERIOD, _KNOWN, PORTION, HIGH,
            "revenue / revenue_before - 1",
            also=("growth_year",),
        ),
        Definition(
            "decided_win_rate",
            Text("Win rate of decided deals", "已决商机赢单率"),
            Text(
                "`won` over `won` + `lost` in the period; the deals still `in_hand` at its end are not in it, so that "
                "a team that loses late looks better.",
                "期间内 `won` 占 `won` + `lost` 的比例；期末仍在谈（`in_hand`）者不计入，因此晚输单的团队看起来更好。",
            ),
            _ROWS, PERIOD, _KNOWN, SHARE, HIGH,
            "won / (won + lost)",
            also=("won", "lost", "in_hand"),
        ),
        Definition(
            "conversion",
            Text("Conversion with open deals", "含在谈商机的转化率"),
            Text(
                "Probability that a deal is won within 365 days at the pace of the period, by Aalen-Johansen: an open "
                "deal counts for as long as it was open. `conversion_n`: deals watched.",
                "按该期间的节奏，商机在 365 天内赢单的概率（Aalen-Johansen 估计）：在谈商机按其在谈时间计入。"
                "`conversion_n` 为观察的商机数。",
            ),
            _ROWS, PERIOD, _KNOWN, SHARE, HIGH,
            also=("conversion_n",),
        ),
        Definition(
            "cycle_days",
            Text("Cycle time", "成交周期"),
            Text(
                "Median days from creation to the win, of the deals won in the period.",
                "该期间赢单商机从创建到成交的天数中位数。",
            ),
            _ROWS, PERIOD, _KNOWN, _DAYS, LOW,
        ),
        Definition(
            "days_to_win",
            Text("Days to win with open deals", "含在谈商机的成交天数"),
            Text(
                "Days from getting a deal by which half of the wins of `conversion` have come.",
                "从接手商机起，`conversion` 中半数赢单出现所需的天数。",
            ),
            _ROWS, PERIOD, _KNOWN, _DAYS, LOW,
        ),
        Definition(
            "contacts",
            Text("Contacts made", "主动联系次数"),
            Text(
                "Contacts with customers that took place and did not come from the customer, also by channel.",
                "已发生且非客户发起的联系次数，并按渠道列出。",
            ),
            _ROWS, PERIOD, _KNOWN, COUNT, NEUTRAL,
            also=tuple(f"contacts_{name}" for name in ("phone", "email", "meeting", "web", "social", "chat", "other")),
        ),
        Definition(
            "response_hours",
            Text("Response time", "响应时间"),
            Text(
                "Median hours from an inquiry of a customer to the next contact to the customer about the same, of the "
                "inquiries `answered`; `answered_share` of all `inquiries`.",
                "从客户询问到就同一事项再次联系客户的小时数中位数，仅计 `answered` 的询问；"
                "`answered_share` 为其占全部 `inquiries` 的比例。",
            ),
            _ROWS, PERIOD, _KNOWN, _HOURS, LOW,
            also=("inquiries", "answered", "answered_share"),
        ),
        Definition(
            "overdue",
            Text("Overdue tasks", "逾期任务"),
            Text(
                "Of the tasks due in the period (`tasks_due`), those not done; `done_late`: done after they were due.",
                "期间内到期任务（`tasks_due`）中未完成者；`done_late` 为逾期后完成者。",
            ),
            _ROWS, PERIOD, _KNOWN, COUNT, LOW,
            also=("tasks_due", "done_late"),
        ),
        Definition(
            "csat",
            Text("Satisfaction and reviews", "满意度与评价"),
            Text(
                "Mean score on a scale up to 5; `csat_n` and `review_n`: number of answers.",
                "满分 5 分的平均得分；`csat_n` 与 `review_n` 为回复数。",
            ),
            _ROWS, PERIOD, _KNOWN, Text("Points up to 5", "分（满分 5）"), HIGH,
            also=("csat_n", "review", "review_n"),
        ),
        Definition(
            "nps",
            Text("NPS", "净推荐值（NPS）"),
            Text(
                "Share of recommenders (9 and 10 of 10) less that of detractors (0 to 6), of `nps_n` answers.",
                "推荐者（10 分制 9 至 10 分）占比减去贬损者（0 至 6 分）占比，共 `nps_n` 份回复。",
            ),
            _ROWS, PERIOD, _KNOWN, Text("-100 to 100", "-100 至 100"), HIGH,
            also=("nps_n",),
        ),
        Definition(
            "attainment",
            Text("Attainment", "目标达成率"),
            Text(
                "Revenue over the `target` that was approved and held at `as_of`; of a team without one, over the sum "
                "of its people's.",
                "收入与 `as_of` 时已批准且有效的 `target` 之比；无自身目标的团队取成员目标之和。",
            ),
            _ROWS, PERIOD, _KNOWN, PORTION, HIGH,
            "revenue / target",
            also=("target",),
        ),
        Definition(
            "expected_wins",
            Text("Expected results", "预期结果"),
            Text(
                "Sum over the person's `cases` of the probability to be won in the period while the person had them; a "
                "case handed on counts for each by the time it was there. `expected_amount` in money. `wins` and "
                "`won_amount` came; `wins_difference` is the difference, luck included.",
                "对此人的 `cases` 求和：在其负责期间于本期赢单的概率；转交的案件按各自负责的时间计入。"
                "`expected_amount` 为金额。`wins` 与 `won_amount` 为实际结果；`wins_difference` 为二者之差，含运气。",
            ),
            _CASES, PERIOD, _OTHERS, COUNT, NEUTRAL,
            "Σ P(won in the period | known when got)",
            also=("cases", "wins", "wins_difference", "won_amount", "expected_amount"),
        ),
        Definition(
            "wins_above",
            Text("Results above expectation", "高于预期的结果"),
            Text(
                "What of the difference is the person, not luck: posterior mean, drawn to 0, with its 80 % range. "
                "`amount_above` in money. `pace`: the same as a factor, 1 is as expected.",
                "差异中属于此人而非运气的部分：后验均值（向 0 收缩）及其 80 % 区间。`amount_above` 为金额。"
                "`pace` 为对应的倍数，1 表示符合预期。",
            ),
            _CASES, PERIOD, _OTHERS, COUNT, HIGH,
            also=(
                "wins_above_low", "wins_above_high", "amount_above", "amount_above_low", "amount_above_high", "pace",
            ),
        ),
        Definition(
            "p_ahead",
            Text("Probability to be ahead", "领先的概率"),
            Text(
                "Posterior probability that the person's pace is above that of the company (or of `other_id`); "
                "`p_behind`: below it. The rest is that people do not differ.",
                "此人的节奏高于公司（或 `other_id`）的后验概率；`p_behind` 为低于的概率。"
                "其余为人与人之间没有差异的概率。",
            ),
            _CASES, PERIOD, _OTHERS, SHARE, HIGH,
            also=("p_behind",),
        ),
        Definition(
            "claim",
            Text("What may be claimed", "可下的结论"),
            Text(
                "`ahead` or `behind` when that has at least 90 % probability, else empty. `fits`: whether what was "
                "expected of all adds up to what came; where it does not, nothing is claimed of anybody.",
                "当概率至少为 90 % 时为 `ahead`（领先）或 `behind`（落后），否则为空。"
                "`fits`：全体预期之和是否与实际相符；不相符时不对任何人下结论。",
            ),
            _CASES, PERIOD, _OTHERS, TEXT, NEUTRAL,
            also=("fits",),
        ),
        Definition(
            "unseen",
            Text("What would take the claim away", "可推翻结论的差异"),
            Text(
                "Factor by which the pace of the person's cases would have to differ by causes that nobody recorded, "
                "so that the claim falls; empty without a claim.",
                "此人的案件因未被记录的原因在节奏上需相差多少倍，才会使结论不成立；无结论时为空。",
            ),
            _CASES, PERIOD, _OTHERS, PLAIN, NEUTRAL,
        ),
    ),
)  # fmt: skip
