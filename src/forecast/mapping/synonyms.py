"""What exports call the columns of canonical tables: English and Chinese headers of common CRMs.

Names are compared in lower case without blanks, points and underscores (`plain`): ``Created Time``, ``created_time``
and ``CreatedTime`` are one. The first source column that matches a name wins, names in order of preference.
"""

import re

_OWNER = (
    "ownerid",
    "owner",
    "ownername",
    "salesagent",
    "salesrep",
    "assignedto",
    "srid",
    "负责人",
    "所有人",
    "销售人员",
    "归属销售",
)
_CREATED = (
    "createdat",
    "createddate",
    "createdtime",
    "createdon",
    "createdate",
    "createtime",
    "created",
    "dateadded",
    "addedon",
    "创建时间",
    "创建日期",
    "录入时间",
    "录入日期",
)
_ACCOUNT = (
    "accountid",
    "account",
    "accountname",
    "customerid",
    "customer",
    "companyid",
    "company",
    "客户编号",
    "客户名称",
    "客户",
)
_CURRENCY = ("currency", "currencyisocode", "currencycode", "币种", "货币")
_RECORDED = ("recordedat", "validfrom", "changedat")
_ID = ("id", "recordid", "唯一id", "编号", "记录id")

#: Canonical table to column to the plain names that exports use; the order of tables decides a tie.
SYNONYMS: dict[str, dict[str, tuple[str, ...]]] = {
    "opportunities": {
        "opportunity_id": ("opportunityid", "dealid", "opportunityno", "商机编号", "商机id", "商机唯一id", *_ID),
        "name": ("opportunityname", "dealname", "name", "商机名称", "商机"),
        "account_id": _ACCOUNT,
        "owner_id": ("opportunityowner", "dealowner", *_OWNER),
        "product_id": ("productid", "product", "productname", "产品编号", "产品名称", "产品"),
        "stage": ("stage", "stagename", "dealstage", "salesstage", "opportunitystage", "销售阶段", "商机阶段", "阶段"),
        "amount": (
            "amount",
            "dealvalue",
            "closevalue",
            "dealamount",
            "opportunityamount",
            "value",
            "金额",
            "商机金额",
            "预计销售金额",
            "预计成交金额",
        ),
        "currency": _CURRENCY,
        "created_at": (*_CREATED, "engagedate", "opendate", "startdate"),
        "expected_close_date": ("expectedclosedate", "预计成交日期", "预计结单日期", "预计签单日期"),
        "closed_at": (
            "closedat",
            "closedtime",
            "closeddate",
            "closedon",
            "actualclosedate",
            "closedate",
            "closingdate",
            "实际成交日期",
            "结单日期",
            "赢单时间",
            "关闭时间",
        ),
        "outcome": ("outcome",),
        "lost_reason": ("lostreason", "lossreason", "reasonforloss", "输单原因", "丢单原因"),
        "forecast_category": ("forecastcategory", "forecastcategoryname", "预测类别", "预测类型"),
        "recorded_at": _RECORDED,
    },
    "leads": {
        "lead_id": ("leadid", "mqlid", "leadno", "线索编号", "线索id", "销售线索编号", *_ID),
        "account_id": ("convertedaccountid", "accountid"),
        "contact_id": ("convertedcontactid", "contactid"),
        "owner_id": ("leadowner", *_OWNER),
        "channel": ("leadsource", "origin", "channel", "source", "线索来源", "来源", "来源渠道", "渠道"),
        "status": ("leadstatus", "status", "线索状态", "跟进状态", "状态"),
        "created_at": (*_CREATED, "firstcontactdate", "receiveddate"),
        "converted_at": (
            "convertedat",
            "converteddate",
            "convertedtime",
            "convertedon",
            "conversiondate",
            "wondate",
            "转换时间",
            "转化时间",
            "转化日期",
        ),
        "closed_at": ("closedat", "closeddate", "closedtime", "closedon", "关闭时间", "关闭日期"),
        "opportunity_id": ("convertedopportunityid", "opportunityid"),
        "recorded_at": _RECORDED,
    },
    "interactions": {
        "interaction_id": (
            "interactionid",
            "activityid",
            "taskid",
            "eventid",
            "callid",
            "跟进编号",
            "销售记录编号",
            *_ID,
        ),
        "at": (
            "at",
            "activitydate",
            "activitytime",
            "callstarttime",
            "startdatetime",
            "completeddate",
            "跟进时间",
            "拜访时间",
        ),
        "due_at": ("dueat", "duedate", "截止时间"),
        "channel": ("channel", "activitytype", "tasksubtype", "跟进方式", "联系方式"),
        "kind": ("kind", "type", "subject", "calltype", "跟进类型", "主题"),
        "direction": ("direction",),
        "result": ("result", "callresult", "outcome", "跟进结果", "通话结果"),
        "account_id": _ACCOUNT,
        "contact_id": ("contactid", "whoid"),
        "lead_id": ("leadid", "mqlid", "线索编号"),
        "opportunity_id": ("opportunityid", "dealid", "whatid", "商机编号"),
        "user_id": ("userid", *_OWNER, "跟进人"),
        "duration_s": ("durations", "calldurationinseconds", "duration", "通话时长"),
        "text": ("text", "description", "note", "notes", "comments", "跟进内容", "备注"),
    },
    "orders": {
        "order_id": (
            "orderid",
            "orderno",
            "ordernumber",
            "salesorderid",
            "invoiceno",
            "invoiceid",
            "订单编号",
            "订单号",
        ),
        "account_id": _ACCOUNT,
        "user_id": ("userid", *_OWNER),
        "region": ("region", "country", "地区", "区域"),
        "ordered_at": (
            "orderedat",
            "orderdate",
            "ordertime",
            "invoicedate",
            "purchasedate",
            "下单时间",
            "订单日期",
            *_CREATED,
        ),
        "status": ("orderstatus", "status", "订单状态"),
        "currency": _CURRENCY,
    },
    "accounts": {
        "account_id": ("accountid", "accountno", "customerid", "companyid", "客户编号", "客户id", "account", *_ID),
        "name": ("accountname", "name", "company", "companyname", "account", "客户名称", "公司名称"),
        "industry": ("industry", "sector", "行业", "所属行业"),
        "size": ("size", "employees", "numberofemployees", "noofemployees", "员工数", "人员规模"),
        "region": ("region", "state", "province", "省", "省份", "地区"),
        "country": ("country", "billingcountry", "officelocation", "国家"),
        "owner_id": ("accountowner", *_OWNER),
        "created_at": _CREATED,
    },
    "contacts": {
        "contact_id": ("contactid", "联系人编号", "联系人id", *_ID),
        "account_id": _ACCOUNT,
        "name": ("contactname", "fullname", "name", "联系人姓名", "姓名", "联系人"),
        "email": ("email", "emailaddress", "邮箱", "电子邮件"),
        "title": ("title", "jobtitle", "职务", "职位"),
        "created_at": _CREATED,
    },
    "products": {
        "product_id": ("productid", "productcode", "sku", "stockcode", "product", "产品编号", "产品编码", *_ID),
        "name": ("productname", "product", "name", "产品名称"),
        "category": ("category", "productfamily", "family", "series", "产品分类", "类别"),
        "list_price": ("listprice", "unitprice", "salesprice", "price", "标准价格", "价格", "单价"),
        "cost": ("cost", "成本"),
        "currency": _CURRENCY,
    },
    "users": {
        "user_id": ("userid", "salesagent", "employeeid", "员工编号", "用户id", *_ID),
        "name": ("username", "fullname", "name", "salesagent", "姓名", "员工姓名"),
        "email": ("email", "邮箱"),
        "team_id": ("teamid", "team", "manager", "部门", "团队"),
        "role": ("role", "profile", "角色", "岗位"),
        "active_from": ("activefrom", "hiredate", "入职日期"),
    },
}

#: Columns without which a file is not that table, whatever else matches.
TELLING = {
    "opportunities": ("stage", "amount"),
    "leads": ("lead_id", "status", "channel"),
    "interactions": ("at",),
    "orders": ("ordered_at",),
    "accounts": ("industry", "size", "name"),
    "contacts": ("email", "title"),
    "products": ("list_price", "category"),
    "users": ("team_id", "role"),
}

#: What never changes once a row is created, so that an export may claim it from the start.
LASTING = {"opportunities": ("account_id", "product_id"), "leads": ("channel",), "products": ("name", "category")}

WON = ("won", "closed won", "closed_won", "closedwon", "win", "赢单", "已成交", "成交")
LOST = (
    "lost",
    "closed lost",
    "closed_lost",
    "closedlost",
    "closed lost to competition",
    "输单",
    "丢单",
    "已输单",
    "无效",
)

#: Parts of the names of columns that tell of a person.
PERSONAL = (
    "email",
    "phone",
    "mobile",
    "fax",
    "firstname",
    "lastname",
    "fullname",
    "contactname",
    "leadname",
    "手机",
    "电话",
    "邮箱",
    "微信",
    "姓名",
    "联系人",
    "线索名称",
)


def plain(name: str) -> str:
    """A column name as it is compared: lower case letters, digits and Chinese characters."""
    return re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "", name.lower())
