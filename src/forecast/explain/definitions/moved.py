"""Definitions of the steps of what moved an outlook; both ends are among those of the outlook."""

from forecast.explain.definitions.entry import KNOWN, MONEY, NEUTRAL, PERIOD, Definition, Part
from forecast.explain.labels import Text

MOVED = Part(
    "moved",
    Text("What moved", "变动归因"),
    Text(
        "The change of the expected revenue of a period between two days, step by step: `forecast moved`.",
        "两个日期之间期间预期收入的逐步变动：见 `forecast moved`。",
    ),
    (
        Definition(
            "corrected_data",
            Text("Steps", "步骤"),
            Text(
                "`corrected_data`: the earlier day by the later batch. `slipped`, `repriced`, `owner_changed`: what "
                "stays open, rescored as if the new date, price or owner had been known on the earlier day; wins by "
                "what changed. `time_passed`: the shorter time that is left. `repeat_demand`: orders. "
                "`exchange_rates`: today's rates instead of those known then. What was won, lost or is new has steps "
                "of its own, and so has another model, and the probability of what stays open.",
                "`corrected_data`：用较晚批次重算较早日期。`slipped`、`repriced`、`owner_changed`：仍在谈的商机按"
                "较早日期已知新日期、新金额或新负责人重新评分；赢单按实际改动计。`time_passed`：剩余时间变短。"
                "`repeat_demand`：订单。`exchange_rates`：用当前汇率代替当时已知汇率。赢单、丢单、新增、换模型以及"
                "仍在谈商机的概率各有单独步骤。",
            ),
            Text("All opportunities and orders", "全部商机与订单"),
            PERIOD, KNOWN, MONEY, NEUTRAL,
            also=("slipped", "repriced", "owner_changed", "time_passed", "repeat_demand", "exchange_rates"),
        ),
    ),
)  # fmt: skip
