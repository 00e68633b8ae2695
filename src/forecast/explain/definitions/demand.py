"""Definitions of what stands behind a demand forecast: its parts, other drivers, new items."""

from forecast.explain.definitions.entry import AHEAD, COUNT, HIGH, KNOWN, NEUTRAL, TEXT, Definition, Part
from forecast.explain.labels import Text

_SERIES = Text("One demand series", "单个需求序列")
_NEW = Text("One item without a history", "单个没有历史的新品")
_LAUNCH = Text("The periods from its launch on; `step` 1 is the first", "上市起的各期；`step` 1 为第一期")
_AMOUNT = Text("That of the series", "与序列相同")
_FLAG = Text("True or false", "是或否")

WHY_DEMAND = Part(
    "why_demand",
    Text("Behind demand forecasts", "需求预测的构成"),
    Text(
        "Columns of `forecast demand explain`, `what-if`, `effects` and `new`.",
        "`forecast demand explain`、`what-if`、`effects` 与 `new` 的各列。",
    ),
    (
        Definition(
            "part",
            Text("Parts of a forecast", "预测的组成部分"),
            Text(
                "`level` (what the series usually sells), `recent_level`, `trend`, `season`, `calendar`, one "
                "`driver.<name>` per driver, `attributes`, `floor` (what cutting at 0 added). The points of all parts "
                "of a period add up to its mean. A part says what the model made of it, not what it caused.",
                "`level`（通常水平）、`recent_level`（近期）、`trend`（趋势）、`season`（季节）、`calendar`（日历）、"
                "每个驱动因素一项 `driver.<name>`、`attributes`（属性）、`floor`（截断至 0 所增加的量）。"
                "每期各部分之和等于该期均值。各部分说明模型如何得出预测，并不说明因果。",
            ),
            _SERIES, AHEAD, KNOWN, _AMOUNT, NEUTRAL,
            "mean = Σ points",
        ),
        Definition(
            "mean_if",
            Text("Mean under other drivers", "其他驱动因素下的均值"),
            Text(
                "Expected amount if prices or promotions of the horizon were those asked for; `difference` is "
                "`mean_if` less `mean`. It follows how they and sales moved together in the past: the effect of a "
                "price only where prices were set at random.",
                "若预测期的价格或促销为所询问的取值时的预期数量；`difference` 为 `mean_if` 减 `mean`。"
                "它反映过去二者如何一同变化：仅当价格随机设定时才是价格的效果。",
            ),
            _SERIES, AHEAD, KNOWN, _AMOUNT, NEUTRAL,
            "difference = mean_if - mean",
        ),
        Definition(
            "in_range",
            Text("Seen before", "是否见过"),
            Text(
                "False: the value asked lies outside what the series had, and outside what others had against their "
                "usual value; the forecast is a guess there.",
                "为否：所询问的取值超出该序列曾有的范围，也超出其他序列相对其通常值的范围；此处预测只是猜测。",
            ),
            _SERIES, AHEAD, KNOWN, _FLAG, NEUTRAL,
        ),
        Definition(
            "n_siblings",
            Text("Series like a new item", "与新品相似的序列"),
            Text(
                "Number of series that share the attributes named in `by`; `basis` says whether their first periods "
                "after launch (`launches`) or their present level (`level`) speaks for the new item.",
                "与新品共有 `by` 所列属性的序列个数；"
                "`basis` 说明依据其上市后的最初各期（`launches`）还是当前水平（`level`）。",
            ),
            _NEW, _LAUNCH, KNOWN, COUNT, HIGH,
            also=("basis",),
        ),
        Definition(
            "by",
            Text("Attributes shared", "共有的属性"),
            Text(
                "Those that tell most of the level come first; an attribute is given up until five series are left.",
                "最能说明水平的属性在前；逐个放弃属性，直到至少剩五个序列。",
            ),
            _NEW, _LAUNCH, KNOWN, TEXT, NEUTRAL,
        ),
    ),
)  # fmt: skip
