"""What the leak hunter found: a column that may tell the outcome because it was written with it."""

from collections.abc import Mapping
from dataclasses import dataclass

Fact = float | int | str

#: Excluded from every model: only where a version history proves it, or the mapping says it.
LEAK = "leak"
#: Named with its evidence and left in: what a bare table can tell is not proof.
SUSPICIOUS = "suspicious"

#: What each code of evidence means, in a sentence.
KINDS = {
    "declared": "the mapping says that it is filled at closing",
    "only_after_closing": "never filled (or never other than its usual value) while a case is open",
    "filled_at_closing": "mostly filled for the first time when a case closes or after",
    "changed_at_closing": "filled, emptied or changed at closing or after, for one outcome only",
    "rewritten_at_closing": "rewritten at closing or after to a value that tells the outcome",
    "moments_before_closing": "set within a day of the closing, and at no other time",
    "jumps_before_closing": "changed in the last hour before closing to what tells the outcome",
    "settles": "once it is set, the case closes, with one outcome for one value, and no open case has it",
    "known_too_early": "the value at creation tells the outcome nearly alone",
    "rewritten_in_the_past": "tells the outcome at creation, and new cases never look like that",
    "rewritten_by_batch": "a later import changed what versions of closed cases had said, of open ones hardly ever",
    "filled_for_closed_only": "filled early in cases that have closed, but not in open ones that should have it by now",
    "values_of_closed_only": "values that tell the outcome stand early in cases that have closed, not in open ones",
    "holds_closing_moment": "holds the moment of the closing long before it",
    "holds_later_moment": "holds a moment after the closing long before it, but never one that lies ahead",
    "nearly_perfect": "tells the outcome nearly alone",
    "filled_for_one_outcome": "filled for one outcome and hardly ever for the other",
    "missing_tells": "whether it is missing tells the outcome",
    "values_apart": "has values that hardly ever come with one of the outcomes",
    "too_good_alone": "alone it tells more than columns known before the event usually do",
    "later_than_time": "holds a moment after the one at which the row was to be scored",
}


#: The same in Chinese.
KINDS_ZH = {
    "declared": "映射声明该列在结束时填写",
    "only_after_closing": "在案件未结束时从未填写（或始终是常见值）",
    "filled_at_closing": "多在案件结束时或之后首次填写",
    "changed_at_closing": "结束时或之后被填写、清空或改动，且只发生在一种结果上",
    "rewritten_at_closing": "结束时或之后被改写为能看出结果的值",
    "moments_before_closing": "总在结束前一天内设置，其他时间没有",
    "jumps_before_closing": "在结束前一小时内变为能看出结果的值",
    "settles": "一经设置案件即以固定结果结束，未结束的案件都没有",
    "known_too_early": "创建时的值几乎单独就能看出结果",
    "rewritten_in_the_past": "创建时的值能看出结果，而新案件从没有这样的值",
    "rewritten_by_batch": "后来的导入改写了已结束案件的旧版本，未结束的几乎没有",
    "filled_for_closed_only": "已结束的案件早就有值，本应已有值的未结束案件却没有",
    "values_of_closed_only": "能看出结果的值早就出现在已结束的案件里，未结束的却没有",
    "holds_closing_moment": "早在结束之前就写着结束的时间",
    "holds_later_moment": "早在结束之前就写着结束之后的时间，却从没有未来的时间",
    "nearly_perfect": "几乎单独就能看出结果",
    "filled_for_one_outcome": "只对一种结果填写",
    "missing_tells": "是否缺失就能看出结果",
    "values_apart": "有些值几乎只与一种结果同时出现",
    "too_good_alone": "单独一列说明的信息多于事先可知的列通常所能",
    "later_than_time": "所含时间晚于该行应当评分的时间",
}


@dataclass(frozen=True)
class Suspect:
    """A column that may leak.

    Attributes
    ----------
    table : str
        Canonical table, empty for a bare table.
    column : str
        Field or attribute as the source names it, or column of the bare table.
    verdict : {"leak", "suspicious"}
        A leak is kept out of the models; a suspicious column is only named.
    kind : str
        A key of `KINDS`.
    evidence : mapping
        Counts and shares by name.
    """

    table: str
    column: str
    verdict: str
    kind: str
    evidence: Mapping[str, Fact]
