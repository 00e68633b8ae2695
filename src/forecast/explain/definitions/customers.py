"""Definitions of what is foretold of a customer."""

from forecast.explain.definitions.entry import (
    COUNT,
    HIGH,
    KNOWN,
    MONEY,
    NEUTRAL,
    NONE,
    SHARE,
    TEXT,
    Definition,
    Part,
)
from forecast.explain.labels import Text

_BUYERS = Text("Accounts that had ordered before `as_of`", "在 `as_of` 之前下过单的客户")
_WITHIN = Text(
    "`horizon_days` days from the day of `as_of` on; by default the setting `customers_horizon_days`",
    "自 `as_of` 当日起 `horizon_days` 天；默认取设置 `customers_horizon_days`",
)
_NEXT = Text("The next order, whenever it comes", "下一次订单，不论何时")

CUSTOMERS = Part(
    "customers",
    Text("Customers", "客户"),
    Text(
        "Columns of `forecast customers` and of `GET /v1/customers`. All that an account orders on a day is one order.",
        "`forecast customers` 与 `GET /v1/customers` 的各列。同一客户同一天的全部购买算一次订单。",
    ),
    (
        Definition(
            "account_id",
            Text("Account and horizon", "客户与期限"),
            Text(
                "Who is foretold (the survivor where accounts were merged), and over how many days.",
                "预测对象（合并后的存续客户）及预测天数。",
            ),
            _BUYERS, _WITHIN, KNOWN, TEXT, NEUTRAL,
            also=("horizon_days",),
        ),
        Definition(
            "p_buys",
            Text("Chance to order", "下单概率"),
            Text("Probability of at least one order.", "至少下单一次的概率。"),
            _BUYERS, _WITHIN, KNOWN, SHARE, HIGH,
            "P(N >= 1 | x)",
        ),
        Definition(
            "orders",
            Text("Orders and their range", "订单数及其区间"),
            Text(
                "Expected number of orders, and the 80 % range: from 0 where it may well not order at all.",
                "预期订单数及 80 % 区间；很可能不下单时下限为 0。",
            ),
            _BUYERS, _WITHIN, KNOWN, COUNT, HIGH,
            "E(N | x)",
            also=("orders_low", "orders_high"),
        ),
        Definition(
            "spend",
            Text("Spend and its range", "消费额及其区间"),
            Text(
                "Expected spend net of what is sent back, and the 80 % range. Means add up; ranges do not.",
                "预期消费额（扣除退货）及 80 % 区间。均值可相加，区间不可。",
            ),
            _BUYERS, _WITHIN, KNOWN, MONEY, HIGH,
            "E(S | x)",
            also=("spend_low", "spend_high"),
        ),
        Definition(
            "next_category",
            Text("Next category", "下一次购买的类别"),
            Text(
                "Likeliest category of most money in the next order, and its probability: the account's own mix, "
                "shrunk to what follows its last category among all accounts.",
                "下一次订单中金额最大的类别（最可能者）及其概率：以客户自身的购买构成为主，向“全体客户在其最近类别之后"
                "购买的类别”收缩。",
            ),
            _BUYERS, _NEXT, KNOWN, TEXT, NEUTRAL,
            also=("next_category_probability",),
        ),
        Definition(
            "p_alive",
            Text("Still a customer, and churned", "是否仍为客户与流失标记"),
            Text(
                "`p_buys` over what it would be if the account certainly still ordered at its own rate, at most 1; "
                "`churned` where it is below one half. Nobody told that it left.",
                "`p_buys` 与“确定仍按自身频率下单”时概率之比，至多为 1；低于一半时 `churned` 为真。"
                "并无客户明确告知已流失。",
            ),
            _BUYERS, NONE, KNOWN, SHARE, HIGH,
            "min(1, p_buys / P(N >= 1 | x, still there))",
            also=("churned",),
        ),
    ),
)  # fmt: skip
