"""What each reason is called, in English and Chinese. Codes are stable: a stored reason is readable forever."""

from typing import Literal, NamedTuple

from forecast.errors import InvalidInput

Language = Literal["en", "zh"]

LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Text(NamedTuple):
    """One text in every language; may hold ``{name}`` or ``{value}``."""

    en: str
    zh: str

    def in_language(self, lang: str) -> str:
        """The text in ``lang``.

        Raises
        ------
        InvalidInput
            If there is no such language.
        """
        if lang not in LANGUAGES:
            raise InvalidInput(f"Language must be one of {list(LANGUAGES)}, got {lang!r}.")
        return self.en if lang == "en" else self.zh


#: Reasons with a fixed code.
LABELS: dict[str, Text] = {
    "account.record": Text("Past results with this account", "该客户以往的成交情况"),
    "account.workload": Text("Open cases of this account", "该客户当前的在谈案件"),
    "attributes.account.age_days": Text("Age of the account record", "客户建档时间"),
    "attributes.account.country": Text("Country of the account", "客户所在国家"),
    "attributes.account.created_at": Text("Age of the account record", "客户建档时间"),
    "attributes.account.industry": Text("Industry of the account", "客户所属行业"),
    "attributes.account.region": Text("Region of the account", "客户所在地区"),
    "attributes.account.size": Text("Size of the account", "客户规模"),
    "attributes.amount": Text("Amount", "金额"),
    "attributes.channel": Text("Channel it came through", "来源渠道"),
    "attributes.currency": Text("Currency", "币种"),
    "attributes.forecast_category": Text("Forecast category given by the rep", "销售填写的预测类别"),
    "attributes.product.category": Text("Product category", "产品类别"),
    "attributes.product.list_price": Text("List price of the product", "产品标价"),
    "attributes.product.name": Text("Product", "产品"),
    "calendar.age": Text("Age of the case", "创建至今的时间"),
    "calendar.date": Text("Time of the month and year", "所处的月份与时点"),
    "changes.amount": Text("Changes of the amount", "金额的变动"),
    "changes.expected_close": Text("Expected close date and its changes", "预计成交日期及其变动"),
    "changes.owner": Text("Changes of owner", "负责人的变动"),
    "customer.categories": Text("Range of things bought", "购买品类范围"),
    "customer.frequency": Text("Number of orders", "下单次数"),
    "customer.money": Text("What its orders are worth", "订单金额"),
    "customer.pieces": Text("Size of its orders", "每单件数与单价"),
    "customer.recency": Text("Last order", "最近一次下单"),
    "customer.returns": Text("What it sent back", "退货"),
    "customer.rhythm": Text("Silence against its own rhythm", "沉默时间与自身节奏之比"),
    "customer.season": Text("Same days a year ago", "去年同期"),
    "customer.tenure": Text("Time as a customer", "成为客户的时间"),
    "customer.trend": Text("Trend of its orders", "下单趋势"),
    "feedback.record": Text("Feedback of the account", "客户反馈"),
    "interactions.account": Text("Contacts with the account", "与该客户的全部联系"),
    "interactions.account_in": Text("Contacts from the account", "该客户的主动联系"),
    "interactions.account_out": Text("Our contacts to the account", "我方对该客户的联系"),
    "interactions.all": Text("Contacts", "联系情况"),
    "interactions.chat": Text("Chats", "在线聊天"),
    "interactions.email": Text("E-mails", "电子邮件"),
    "interactions.in": Text("Contacts from the customer", "客户的主动联系"),
    "interactions.meeting": Text("Meetings", "会面"),
    "interactions.other": Text("Other contacts", "其他联系"),
    "interactions.out": Text("Our contacts to the customer", "我方的主动联系"),
    "interactions.phone": Text("Phone calls", "电话"),
    "interactions.plan": Text("Planned and overdue contacts", "计划中与逾期的联系"),
    "interactions.social": Text("Social media contacts", "社交媒体联系"),
    "interactions.web": Text("Visits to the website", "网站访问"),
    "owner.record": Text("Past results of the owner", "负责人以往的成交情况"),
    "owner.workload": Text("Workload of the owner", "负责人当前的工作量"),
    "prior_only": Text("Prior only: nothing has been learned yet", "仅为先验值：尚无可学习的历史"),
    "purchases.categories": Text("Range of products bought", "所购产品的类别分布"),
    "purchases.money": Text("Money spent by the account", "该客户的消费金额"),
    "purchases.orders": Text("Orders of the account", "该客户的订单"),
    "remainder": Text("Starting point of the model", "模型起点差异"),
    "rest": Text("Other reasons together", "其余原因合计"),
    "segment": Text("Segment", "细分群体"),
    "stage.current": Text("Stage", "所处阶段"),
    "stage.moves": Text("Moves between stages", "阶段的进退"),
    "stage.time": Text("Time in the stage", "在当前阶段的停留时间"),
}

#: Reasons whose code holds a name from the company's own data: longest matching beginning wins.
PATTERNS: dict[str, Text] = {
    "account.": Text("Account: {name}", "客户：{name}"),
    "attributes.": Text("{name}", "{name}"),
    "attributes.account.": Text("Account: {name}", "客户：{name}"),
    "attributes.product.": Text("Product: {name}", "产品：{name}"),
    "calendar.": Text("Calendar: {name}", "日历：{name}"),
    "changes.": Text("Changes: {name}", "变动：{name}"),
    "feedback.": Text("Feedback: {name}", "反馈：{name}"),
    "interactions.": Text("Contacts by {name}", "联系渠道“{name}”"),
    "interactions.kind_": Text("Contacts of kind “{name}”", "“{name}”类联系"),
    "interactions.result_": Text("Contacts with result “{name}”", "结果为“{name}”的联系"),
    "owner.": Text("Owner: {name}", "负责人：{name}"),
    "purchases.": Text("Purchases: {name}", "购买：{name}"),
    "purchases.category_": Text("Share of purchases in {name}", "“{name}”类购买占比"),
    "stage.": Text("Stage: {name}", "阶段：{name}"),
}


def label(code: str, lang: str) -> str:
    """What the reason of this code is called.

    A code of an unknown family is its own name, readable: ``weather.rain_days`` is "weather: rain days".
    """
    if code in LABELS:
        return LABELS[code].in_language(lang)
    matching = [beginning for beginning in PATTERNS if code.startswith(beginning)]
    if matching:
        beginning = max(matching, key=len)
        return PATTERNS[beginning].in_language(lang).format(name=readable(code.removeprefix(beginning)))
    family, _, subject = code.partition(".")
    return (
        Text("{family}: {name}", "{family}：{name}")
        .in_language(lang)
        .format(family=readable(family), name=readable(subject))
    )


def readable(name: str) -> str:
    """A name from the data for people: ``first_contact.kind`` is "first contact kind"."""
    return name.replace("_", " ").replace(".", " ").strip()
