"""By what a report tells numbers apart."""

from collections.abc import Mapping

from forecast.explain.labels import Text
from forecast.funnel.visits import LEAD

#: Every dimension, in the order of forms.
DIMENSIONS: Mapping[str, Text] = {
    "month": Text("Month", "月份"),
    "quarter": Text("Quarter", "季度"),
    "team": Text("Team", "团队"),
    "rep": Text("Sales rep", "销售"),
    "region": Text("Region", "地区"),
    "industry": Text("Industry", "行业"),
    "category": Text("Product category", "产品类别"),
    "account": Text("Account", "客户"),
    "stage": Text("Stage", "阶段"),
    "channel": Text("Channel", "渠道"),
    "source": Text("Data source", "数据来源"),
    "day": Text("Day", "日期"),
    "level": Text("Level", "层级"),
    "horizon": Text("Days ahead", "提前天数"),
    "forecaster": Text("Forecast by", "预测方"),
    "series": Text("Series", "序列"),
}
#: These run with the calendar: their rows stand in its order.
TIME = ("month", "quarter", "day")
#: Facts that happened have a time, an owner and a customer.
OF_PEOPLE = frozenset(("team", "rep"))
OF_CUSTOMERS = frozenset(("region", "industry", "account"))
OF_FACTS = OF_PEOPLE | OF_CUSTOMERS | {"month", "quarter", "source"}

#: Names of values that are the product's own and not the company's.
VALUES: Mapping[str, Mapping[str, Text]] = {
    "level": {"company": Text("Company", "公司"), "team": Text("Team", "团队"), "rep": Text("Sales rep", "销售")},
    "forecaster": {
        "model": Text("Model", "模型"),
        "weighted_pipeline": Text("Weighted pipeline", "加权管道"),
        "category_commit": Text("Reps: commit", "销售填报：承诺"),
        "category_best": Text("Reps: best case", "销售填报：最好情形"),
        "last_year": Text("Last year with growth", "去年同期加增长"),
        "override": Text("Managers' overrides", "经理调整"),
    },
    "channel": {
        "phone": Text("Phone", "电话"),
        "email": Text("E-mail", "邮件"),
        "meeting": Text("Meeting", "会面"),
        "web": Text("Website", "网站"),
        "social": Text("Social media", "社交媒体"),
        "chat": Text("Chat", "在线聊天"),
        "other": Text("Other", "其他"),
    },
    "stage": {LEAD: Text("Lead", "线索")},
}
UNKNOWN = Text("(unknown)", "（未知）")
OTHER = Text("(all others)", "（其余合计）")
NO_TEAM = Text("(outside the teams shown)", "（不属于所列团队）")
TOTAL = Text("Total", "合计")

#: Keys that stand for no value of the company's data.
UNKNOWN_KEY, OTHER_KEY = "", "\x7fothers"


def value_label(dimension: str, key: str, lang: str, names: Mapping[str, Mapping[str, str]]) -> str:
    """What the rows of a key are called.

    Parameters
    ----------
    names : mapping of dimension to mapping of key to name
        Names from the company's data, such as those of teams.
    """
    if key == OTHER_KEY:
        return OTHER.in_language(lang)
    if key == UNKNOWN_KEY:
        return (NO_TEAM if dimension == "team" else UNKNOWN).in_language(lang)
    if key in VALUES.get(dimension, {}):
        return VALUES[dimension][key].in_language(lang)
    return names.get(dimension, {}).get(key, key)
