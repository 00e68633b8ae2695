"""The definitions as records, as Markdown, and as one HTML file that needs no outside host."""

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment

from forecast.errors import InvalidInput
from forecast.explain.definitions.entry import Definition, Part
from forecast.explain.labels import Text

TITLE = Text("What the numbers mean", "数字的含义")
ABOUT = Text(
    "Every published number: over which cases, about which time, given what, in which unit, and what is good.",
    "每个公布的数字：针对哪些案件、哪段时间、以什么为条件、单位为何、怎样为好。",
)

#: Rows of each entry, in order.
FACETS: dict[str, Text] = {
    "population": Text("Over", "范围"),
    "horizon": Text("Time", "期限"),
    "condition": Text("Given", "条件"),
    "unit": Text("Unit", "单位"),
    "direction": Text("Direction", "方向"),
}
FORMULA = Text("Formula", "公式")
COLUMNS = Text("Columns", "列名")


def definition_records(parts: Sequence[Part], lang: str) -> list[dict[str, Any]]:
    """One record per definition: ``part``, ``name``, ``columns`` and the texts in ``lang``.

    Raises
    ------
    InvalidInput
        If there is no such language.
    """
    return [_record(part, entry, lang) for part in parts for entry in part.entries]


def _record(part: Part, entry: Definition, lang: str) -> dict[str, Any]:
    texts = {
        name: getattr(entry, name).in_language(lang)
        for name in ("title", "meaning", "population", "horizon", "condition", "unit", "direction")
    }
    return {"part": part.code, "name": entry.name, "columns": list(entry.names), **texts, "formula": entry.formula}


def definitions_markdown(parts: Sequence[Part], lang: str) -> str:
    """The page as Markdown."""
    lines = [f"# {TITLE.in_language(lang)}", "", ABOUT.in_language(lang), ""]
    for part in parts:
        lines += [f"## {part.title.in_language(lang)}", "", part.about.in_language(lang), ""]
        for record in definition_records([part], lang):
            facets = {label.in_language(lang): record[name] for name, label in FACETS.items()}
            formula = {FORMULA.in_language(lang): f"`{record['formula']}`"} if record["formula"] else {}
            columns = {COLUMNS.in_language(lang): ", ".join(f"`{name}`" for name in record["columns"])}
            lines += [f"### {record['title']}", "", record["meaning"], ""]
            lines += [f"- {label}: {text}" for label, text in (columns | facets | formula).items() if text != "–"]
            lines.append("")
    return "\n".join(lines)


def definitions_html(parts: Sequence[Part], lang: str) -> str:
    """The page as one HTML file, for wide and narrow screens."""
    shown = [
        {
            "code": part.code,
            "title": part.title.in_language(lang),
            "about": _marked(part.about.in_language(lang)),
            "entries": [
                record | {name: _marked(record[name]) for name in ("meaning", *FACETS)}
                for record in definition_records([part], lang)
            ],
        }
        for part in parts
    ]
    words = {name: label.in_language(lang) for name, label in FACETS.items()}
    return _TEMPLATE.render(
        lang=lang,
        title=TITLE.in_language(lang),
        about=ABOUT.in_language(lang),
        parts=shown,
        words=words,
        formula=FORMULA.in_language(lang),
        columns=COLUMNS.in_language(lang),
    )


def definitions_page(parts: Sequence[Part], lang: str, suffix: str) -> str:
    """The page in the form that a file name asks for.

    Raises
    ------
    InvalidInput
        If the suffix is neither ".html" nor ".md", or there is no such language.
    """
    forms = {".html": definitions_html, ".md": definitions_markdown}
    if suffix not in forms:
        raise InvalidInput(f"The file must end in .html or .md, got {suffix or 'no ending'!r}.")
    return forms[suffix](parts, lang)


def _marked(text: str) -> list[tuple[bool, str]]:
    """Pieces of a text, and whether each is code: every second one between backticks is."""
    return [(position % 2 == 1, piece) for position, piece in enumerate(text.split("`"))]


_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""\
{% macro text(pieces) %}{% for is_code, piece in pieces %}{% if is_code %}<code>{{ piece }}</code>\
{% else %}{{ piece }}{% endif %}{% endfor %}{% endmacro %}
<!doctype html>
<html lang="{{ lang }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; margin: 0; }
h2 { margin: 2.5rem 0 0; }
h3 { font-size: 1.05rem; margin: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1rem; list-style: none; padding: 0; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0; scroll-margin: 1rem; }
article p { margin: .4rem 0 .8rem; }
code { font: .85em/1.4 ui-monospace, monospace; background: var(--soft); padding: .1em .3em; border-radius: .25em;
  overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; gap: .25rem 1rem; margin: 0;
  font-size: .92rem; }
dt { font-weight: 600; opacity: .75; }
dd { margin: 0; min-width: 0; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { article { break-inside: avoid; } nav { display: none; } }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ about }}</p>
<nav><ul>
{% for part in parts %}
<li><a href="#{{ part.code }}">{{ part.title }}</a></li>
{% endfor %}
</ul></nav>
{% for part in parts %}
<section id="{{ part.code }}">
<h2>{{ part.title }}</h2>
<p>{{ text(part.about) }}</p>
{% for entry in part.entries %}
<article id="{{ part.code }}.{{ entry.name }}">
<h3>{{ entry.title }}</h3>
<p>{{ text(entry.meaning) }}</p>
<dl>
<dt>{{ columns }}</dt><dd>{% for name in entry.columns %}<code>{{ name }}</code> {% endfor %}</dd>
{% for name, word in words.items() if entry[name] != [(false, "–")] %}
<dt>{{ word }}</dt><dd>{{ text(entry[name]) }}</dd>
{% endfor %}
{% if entry.formula %}
<dt>{{ formula }}</dt><dd><code>{{ entry.formula }}</code></dd>
{% endif %}
</dl>
</article>
{% endfor %}
</section>
{% endfor %}
</body>
</html>
""")
