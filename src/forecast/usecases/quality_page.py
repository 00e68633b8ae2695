"""The data-quality page of a dry run: what each column holds, which rows were rejected and why. One file, no host."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duckdb import DuckDBPyConnection
from jinja2 import Environment

from forecast.features.leaks import KINDS, KINDS_ZH, Suspect
from forecast.mapping.casting import as_text, identifier
from forecast.mapping.queries import one_row
from forecast.mapping.source import Source
from forecast.usecases.draft_suspects import find_suspects

_EXAMPLES = 3
_COLUMNS_PER_QUERY = 100


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds; ``least`` and ``most`` are empty for personal data."""

    name: str
    kind: str
    filled: float  # share of rows, 0 to 1
    distinct: int
    least: str
    most: str


@dataclass(frozen=True)
class Rejection:
    """One kind of reason: how often, and a few examples."""

    column: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """What one canonical table got."""

    table: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    rejections: tuple[Rejection, ...]
    suspects: tuple[Suspect, ...] = ()


def profile(
    con: DuckDBPyConnection, source: Source, personal: Sequence[str] = (), *, filled: Mapping[str, str] | None = None
) -> Profile:
    """Profile the rows of a table, accepted or not.

    Parameters
    ----------
    con : DuckDB connection
    source : Source
        Checked rows.
    personal : sequence of str
        Attributes with personal data; their values are not shown, nor are those of the table's personal columns.
    filled : mapping of column to when the mapping says that it is filled, optional
        These are not suspected to leak.
    """
    hidden = {*source.table.personal, *personal}
    (n_rows,) = one_row(con, f"SELECT count(*) FROM {source.relation}")
    canonical = {
        name: source.kind(name).value for name in (*source.present, *(["recorded_at"] if source.recorded else []))
    }
    columns = _columns(con, source.checked, {name: identifier(name) for name in canonical}, canonical, hidden, n_rows)
    texts = {name: as_text(name, type_) for name, type_ in source.attributes.items()}
    kinds = {name: source.types.get(name, "empty") for name in texts}
    columns += _columns(con, source.relation, texts, kinds, hidden, n_rows)
    reasons = con.execute(
        f"SELECT regexp_extract(reason, '^[^ :]+') AS place, count(*), list(DISTINCT reason ORDER BY reason)"
        f"[:{_EXAMPLES}] FROM {source.rejected} GROUP BY place ORDER BY count(*) DESC, place"
    ).fetchall()
    rejections = tuple(Rejection(place, count, tuple(examples)) for place, count, examples in reasons)
    suspects = find_suspects(con, source, filled or {}, hidden)
    return Profile(source.table.name, n_rows, tuple(columns), rejections, suspects)


def _columns(
    con: DuckDBPyConnection,
    relation: str,
    values: Mapping[str, str],
    kinds: Mapping[str, str],
    hidden: set[str],
    n_rows: int,
) -> list[ColumnProfile]:
    names, profiles = list(values), []
    for start in range(0, len(names), _COLUMNS_PER_QUERY):
        part = names[start : start + _COLUMNS_PER_QUERY]
        facts = one_row(
            con,
            "SELECT "
            + ", ".join(
                f"count({values[name]}), count(DISTINCT {values[name]}), "
                f"left(CAST(min({values[name]}) AS VARCHAR), 40), left(CAST(max({values[name]}) AS VARCHAR), 40)"
                for name in part
            )
            + f" FROM {relation}",
        )
        for place, name in enumerate(part):
            filled, distinct, least, most = facts[4 * place : 4 * place + 4]
            shown = ("", "") if name in hidden else (least or "", most or "")
            profiles.append(ColumnProfile(name, kinds[name], filled / n_rows if n_rows else 0.0, distinct, *shown))
    return profiles


def render_page(name: str, profiles: Sequence[Profile], counts: Mapping[str, Mapping[str, int]]) -> str:
    """The page as HTML: self-contained, readable on a phone, headings in Chinese and English.

    Parameters
    ----------
    name : str
        Of the mapping.
    profiles : sequence of Profile
    counts : mapping of table to its counts
    """
    return (
        Environment(autoescape=True)
        .from_string(_PAGE)
        .render(name=name, profiles=profiles, counts=counts, meaning=KINDS, meaning_zh=KINDS_ZH)
    )


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data quality · 数据质量 · {{ name }}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --bad: #c33; --good: #2a7; }
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
td.wrap { white-space: normal; min-width: 16rem; }
meter { width: 6rem; }
.bad { color: var(--bad); } .good { color: var(--good); }
</style>
</head>
<body>
<h1>Data quality · 数据质量: {{ name }}</h1>
<p>A dry run: nothing was changed. · 试运行：未写入任何数据。</p>
<div class="scroll"><table>
<tr><th>Table · 表</th><th class="n">Read · 读取</th><th class="n">New · 新增</th><th class="n">Changed · 变更</th>
<th class="n">Unchanged · 未变</th><th class="n">Quarantined · 隔离</th></tr>
{% for table, c in counts.items() %}<tr><td><a href="#{{ table }}">{{ table }}</a></td>
{% for n in c.values() %}
<td class="n{% if loop.last and n %} bad{% endif %}">{{ "{:,}".format(n) }}</td>{% endfor %}</tr>
{% endfor %}</table></div>
{% for p in profiles %}
<h2 id="{{ p.table }}">{{ p.table }} · {{ "{:,}".format(p.rows) }} rows · 行</h2>
{% if p.rejections %}<h3 class="bad">Rejected rows · 被拒绝的行</h3>
<div class="scroll"><table>
<tr><th>Where · 位置</th><th class="n">Rows · 行数</th><th>Reasons (examples) · 原因（示例）</th></tr>
{% for r in p.rejections %}<tr><td>{{ r.column }}</td><td class="n">{{ "{:,}".format(r.rows) }}</td>
<td class="wrap">{% for e in r.examples %}{{ e }}{% if not loop.last %}<br>{% endif %}{% endfor %}</td></tr>{% endfor %}
</table></div>
{% else %}<p class="good">No row rejected. · 没有被拒绝的行。</p>{% endif %}
{% if p.suspects %}<h3 class="bad">Columns that may tell the outcome · 可能泄露结果的列</h3>
<p>Judged by what the rows say now. Where versions have recorded_at, training judges by the history and excludes what it
proves; else say under <code>filled:</code> in the mapping when each is filled. ·
按当前数据判断。若有 recorded_at，训练会按历史判断并剔除已证实的列；
否则请在映射的 <code>filled:</code> 中说明各列何时填写。</p>
<div class="scroll"><table><tr><th>Column · 列</th><th>Why · 原因</th><th>Evidence · 依据</th></tr>
{% for s in p.suspects %}<tr><td>{{ s.column }}</td>
<td class="wrap">{{ meaning[s.kind] }} · {{ meaning_zh[s.kind] }}</td>
<td class="wrap">{% for name, fact in s.evidence.items() %}{{ name }} {{ fact }}{% if not loop.last %}, {% endif %}
{% endfor %}</td></tr>{% endfor %}
</table></div>{% endif %}
<div class="scroll"><table><tr><th>Column · 列</th><th>Kind · 类型</th><th>Filled · 填充率</th><th class="n">%</th>
<th class="n">Distinct · 不同值</th><th>Least · 最小</th><th>Most · 最大</th></tr>
{% for c in p.columns %}<tr><td>{{ c.name }}</td><td>{{ c.kind }}</td>
<td><meter min="0" max="1" value="{{ c.filled }}"></meter></td><td class="n">{{ "%.1f" | format(100 * c.filled) }}</td>
<td class="n">{{ "{:,}".format(c.distinct) }}</td><td>{{ c.least }}</td><td>{{ c.most }}</td></tr>{% endfor %}
</table></div>
{% endfor %}
</body>
</html>
"""
