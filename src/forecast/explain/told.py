"""Sentences that are kept or raised in English, as people read them in Chinese.

A decision of the gate is stored with its model, a refusal is raised in the core, a finding is made for operators: all
of them in English, with numbers and names inside. Here is each known form once more in Chinese. A sentence of no known
form stays as it is.
"""

import re
from typing import NamedTuple

from forecast.explain.labels import Language

#: English with ``{name}`` for whatever stands there, and Chinese with the same names.
_FORMS: tuple[tuple[str, str], ...] = (
    # decisions of the gate
    ("{decision} On {scheme}.", "{decision}评估方式：{scheme}。"),
    ("Refused: features use the future: {features}.", "拒绝：特征使用了未来信息：{features}。"),
    ("Too few cases to decide: {n}, at least {least} are needed.", "案例太少，无法判断：{n} 个，至少需要 {least} 个。"),
    (
        "Too few series to decide: {n}, at least {least} are needed.",
        "序列太少，无法判断：{n} 个，至少需要 {least} 个。",
    ),
    ("{champion} made no error; nothing can be better.", "{champion} 没有误差，不可能更好。"),
    (
        "Not shown to be {wanted}: log loss {difference} nats per case, at most {bound} at {level} %.",
        "未能证明{wanted}：每案例对数损失相差 {difference} 奈特，{level} % 置信上限 {bound}。",
    ),
    (
        "Better: log loss {difference} nats per case, at most {bound} at {level} %.",
        "更好：每案例对数损失相差 {difference} 奈特，{level} % 置信上限 {bound}。",
    ),
    (
        "Not worse: log loss {difference} nats per case, at most {bound} at {level} %.",
        "不更差：每案例对数损失相差 {difference} 奈特，{level} % 置信上限 {bound}。",
    ),
    (
        "Calibration is worse: {challenger} nats lost against {champion} of the champion.",
        "校准变差：损失 {challenger} 奈特，现役模型为 {champion}。",
    ),
    (
        "Not shown to be {wanted}: RMSSE {difference} against {champion}, at most {bound} at {level} %.",
        "未能证明{wanted}：RMSSE 相对 {champion} 为 {difference}，{level} % 置信上限 {bound}。",
    ),
    (
        "Better: RMSSE {difference} against {champion}, at most {bound} at {level} %.",
        "更好：RMSSE 相对 {champion} 为 {difference}，{level} % 置信上限 {bound}。",
    ),
    (
        "Not worse: RMSSE {difference} against {champion}, at most {bound} at {level} %.",
        "不更差：RMSSE 相对 {champion} 为 {difference}，{level} % 置信上限 {bound}。",
    ),
    ("better than the group rate", "优于分组比率"),
    ("better than the own past rate", "优于客户自身历史比率"),
    ("better than the best naive", "优于最佳朴素预测"),
    ("within {margin} of the champion", "与现役模型相差不超过 {margin}"),
    (
        "Nothing is new since {champion}: same data, same parameters.",
        "自 {champion} 以来没有新内容：数据与参数均相同。",
    ),
    ("Nothing is new since {champion}: same data, same recipe.", "自 {champion} 以来没有新内容：数据与方法均相同。"),
    (
        "Orders are foretold worse: RMSE {challenger} against {champion}.",
        "订单预测变差：RMSE 为 {challenger}，对照为 {champion}。",
    ),
    ("First champion.", "首个现役模型。"),
    ("First champion: the shrunken group rate.", "首个现役模型：收缩后的分组比率。"),
    ("First champion: the own past rate.", "首个现役模型：客户自身历史比率。"),
    ("First champion: the best naive.", "首个现役模型：最佳朴素预测。"),
    # findings about the parts of the service
    ("migrated", "已升级到最新结构"),
    ("batch {n}", "批次 {n}"),
    (
        "no champion yet; scores use the group rate until `forecast train`",
        "还没有现役模型；运行 `forecast train` 之前使用分组比率评分",
    ),
    ("{n} MiB free", "剩余 {n} MiB"),
    ("seen {n} s ago", "{n} 秒前有响应"),
    (
        "The disk of the workspace has {free} MiB left, less than `disk_floor_mib` {floor}; make room.",
        "工作区磁盘仅剩 {free} MiB，低于 `disk_floor_mib` 的 {floor}；请清理空间。",
    ),
    (
        "No worker was ever seen; start `forecast worker` or set `expects_worker = false`.",
        "从未见到后台进程；请启动 `forecast worker`，或设置 `expects_worker = false`。",
    ),
    (
        "The worker was last seen {silent} s ago, limit {limit}; look at its log and start `forecast worker`.",
        "后台进程上次响应在 {silent} 秒前，上限 {limit} 秒；请查看其日志并启动 `forecast worker`。",
    ),
    (
        "Model {model} cannot be loaded ({error}): remove its folder under models/copies, so that it is fetched again, "
        "or promote another one.",
        "模型 {model} 无法加载（{error}）：请删除 models/copies 下它的文件夹以便重新获取，或启用其他版本。",
    ),
    # refusals that people meet on pages
    ("At most {n} requests a minute; wait a little.", "每分钟最多 {n} 次请求；请稍候。"),
    ("A request may have at most {n} bytes; send it in parts.", "一次请求最多 {n} 字节；请分批发送。"),
    ("No answer within {n} s; ask again in a while, or for less.", "{n} 秒内没有结果；请稍后再试，或缩小范围。"),
    ("Too many failed logins; try again in {n} minutes.", "登录失败次数过多；请在 {n} 分钟后再试。"),
    (
        "Something that this needs cannot be reached; try again later.",
        "所需的某项服务无法连接；请稍后再试。",
    ),
    ("A feature saw the future; the number is withheld.", "有特征使用了未来信息；该数字不予显示。"),
    (
        "The service failed; the operator finds the cause in its log.",
        "服务出错；管理员可在日志中找到原因。",
    ),
    (
        "There is nothing at this address; GET /openapi.json lists what there is.",
        "此地址没有内容；GET /openapi.json 列出全部地址。",
    ),
    ("Method Not Allowed", "此地址不支持该操作"),
    ("A date must look like {forms}, got {value}.", "日期格式应如 {forms}，收到的是 {value}。"),
    (
        "A period must look like {forms}, or be one of {rules}; got {value}.",
        "期间格式应如 {forms}，或为 {rules} 之一；收到的是 {value}。",
    ),
    ("A period must look like {forms}, got {value}.", "期间格式应如 {forms}，收到的是 {value}。"),
    ("`as_of` must not lie ahead: it is {now}, got {value}.", "`as_of` 不能晚于现在：现在是 {now}，收到的是 {value}。"),
    (
        "`batch` must be between 1 and {head}, the last one, got {value}.",
        "`batch` 须在 1 与最后一批 {head} 之间，收到的是 {value}。",
    ),
    (
        "A key of role {role} does not open {part}; roles that do: {roles}.",
        "角色 {role} 无权使用 {part}；有权的角色：{roles}。",
    ),
    ("This key does not open {part}; its scopes: {scopes}.", "该密钥无权使用 {part}；其范围：{scopes}。"),
    (
        "There was no open lead {id} at {as_of} among those of this key.",
        "{as_of} 时，您可见的范围内没有未结案的线索 {id}。",
    ),
    (
        "There was no open opportunity {id} at {as_of} among those of this key.",
        "{as_of} 时，您可见的范围内没有未结案的商机 {id}。",
    ),
    (
        "No account {id} had ordered at {as_of} among those of this key.",
        "{as_of} 时，您可见的范围内没有下过单的客户 {id}。",
    ),
    (
        "Nobody with the id {id} did anything in {period} among those of this key.",
        "您可见的范围内，{period} 没有 {id} 的记录。",
    ),
    ("There was no series {id} at {as_of}.", "{as_of} 时没有序列 {id}。"),
    (
        "There is no model {model}; `forecast models list` shows them.",
        "没有模型 {model}；可用 `forecast models list` 查看。",
    ),
    ("There is no report {name}; ready ones are {ready}.", "没有报告 {name}；现成的有 {ready}。"),
    ("There is no own report {name} of this user.", "您没有名为 {name} 的自建报告。"),
    ("There is no person or team {id} among those of this key.", "您可见的范围内没有人员或团队 {id}。"),
    ("There is no {node} in this period among what you may see.", "您可见的范围内，本期没有 {node}。"),
    ("There is no target of {node} in this period among what you may see.", "您可见的范围内，本期没有 {node} 的目标。"),
    (
        "Nobody has revenue or open opportunities for {period} as of {as_of}; there is nothing to share.",
        "截至 {as_of}，{period} 没有任何人有收入或在谈商机，没有可分解的目标。",
    ),
    (
        "Targets are approved only with the box ticked that says so; tick it and try again.",
        "批准目标须先勾选确认框；请勾选后再试。",
    ),
    (
        "`company_target` is out of reach; choose one nearer to what the company expects.",
        "公司目标无法达到；请选择更接近公司预期的目标。",
    ),
    ("These constraints cannot all hold beside those of others.", "这些条件与其他人的条件无法同时满足。"),
    (
        "Targets are adjusted during their period; {day} is not in {period}.",
        "目标只能在其期间内调整；{day} 不在 {period} 内。",
    ),
    (
        "An override needs a `reason`, so that it can be understood later; got none.",
        "人工判断须填写理由，以便日后理解。",
    ),
    (
        "`amount` must be a number of {currency} below 1e14, got {value}.",
        "金额须为小于 1e14 的 {currency} 数值，收到的是 {value}。",
    ),
    ("The two new passwords differ.", "两次输入的新密码不一致。"),
    (
        "This came from a page of another site; open the form here and send it again.",
        "请求来自其他网站的页面；请在本站打开表单后重新提交。",
    ),
    (
        "Send the session's token as form field `csrf` or header `X-CSRF-Token`; reload the page.",
        "页面已过期；请刷新后重试。",
    ),
    ("This token was used before; the CRM must ask for a new one.", "此令牌已被使用；请由 CRM 重新申请。"),
    ("This token is over; the CRM must ask for a new one.", "此令牌已过期；请由 CRM 重新申请。"),
    ("This token is none of ours; the CRM must ask for a new one.", "此令牌无效；请由 CRM 重新申请。"),
    ("No version of {name} was ever promoted.", "{name} 从未有版本启用过。"),
    (
        "`cursor` is not one that this list gave for these filters; take `next_cursor` of the page before, or leave it "
        "out to start anew.",
        "翻页位置与当前筛选不符；请从第一页重新开始。",
    ),
    # rules of a form or an address that a request breaks
    ("{place}: Field required", "{place}：必填"),
    ("{place}: Input should be a valid {kind}, unable to parse string as {as}", "{place}：格式不正确"),
    ("{place}: Input should be a valid {kind}", "{place}：格式不正确"),
    ("{place}: Input should be greater than or equal to {limit}", "{place}：不能小于 {limit}"),
    ("{place}: Input should be greater than {limit}", "{place}：须大于 {limit}"),
    ("{place}: Input should be less than or equal to {limit}", "{place}：不能大于 {limit}"),
    ("{place}: Input should be less than {limit}", "{place}：须小于 {limit}"),
    ("{place}: Input should be a finite number", "{place}：须为有限的数"),
    ("{place}: Input should be {choices}", "{place}：须为 {choices} 之一"),
    ("{place}: String should have at least {n} {unit}", "{place}：至少 {n} 个字符"),
    ("{place}: String should have at most {n} {unit}", "{place}：至多 {n} 个字符"),
    ("{place}: String should match pattern {pattern}", "{place}：格式须符合 {pattern}"),
    ("{place}: Extra inputs are not permitted", "{place}：没有这个参数"),
)

_FIELD = re.compile(r"\{(\w+)\}")

#: Fields that hold a sentence of a known form themselves.
_NESTED = ("decision", "wanted")

#: Fields that hold several things of which one is meant.
_CHOICES = ("forms", "choices")


class Told(NamedTuple):
    """A sentence and the language that it is in."""

    text: str
    lang: Language


def told(sentence: str, lang: str) -> Told:
    """A sentence as it is read in ``lang``: in Chinese where its form is known, else as it is.

    Examples
    --------
    >>> told("Too few cases to decide: 12, at least 50 are needed.", "zh").text
    '案例太少，无法判断：12 个，至少需要 50 个。'
    >>> told("The disk caught fire.", "zh")
    Told(text='The disk caught fire.', lang='en')
    """
    known = _in_chinese(sentence) if lang == "zh" else None
    return Told(sentence, "en") if known is None else Told(known, "zh")


def told_rules(line: str, lang: str) -> Told:
    """Several broken rules in one line, each where its form is known: what a refused form says."""
    parts = [told(part, lang) for part in line.removesuffix(".").split("; ")]
    if lang == "en" or any(part.lang == "en" for part in parts):
        return told(line, lang)
    return Told("；".join(part.text for part in parts) + ("。" if line.endswith(".") else ""), "zh")


def _in_chinese(sentence: str) -> str | None:
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(sentence)
        if found is None:
            continue
        fields = found.groupdict()
        fields |= {name: fields[name].replace(" or ", " 或 ") for name in _CHOICES if name in fields}
        inner = {name: _in_chinese(fields[name]) for name in _NESTED if name in fields}
        if None not in inner.values():
            return chinese.format(**fields | inner)
    return None


def _pattern(english: str) -> re.Pattern[str]:
    """What a sentence of a form looks like."""
    parts = _FIELD.split(english)
    texts = [re.escape(part) if number % 2 == 0 else f"(?P<{part}>.+?)" for number, part in enumerate(parts)]
    return re.compile("".join(texts), re.DOTALL)


_PATTERNS = [(_pattern(english), chinese) for english, chinese in _FORMS]
