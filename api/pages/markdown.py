"""Markdown of ours, such as model cards, as a part of a page: headings, lists and tables; anything else is text."""

from markdown_it import MarkdownIt
from markupsafe import Markup

#: Headings of a card stand below the two levels of a page.
_BELOW = 2
_DEEPEST = 6

#: HTML is shown as it is written; nothing is loaded and nothing leads away.
_READER = (
    MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink", "html_inline"])
)


def html_of(markdown: str) -> Markup:
    """Markdown as HTML that is safe whatever it holds; wide tables scroll by themselves.

    Examples
    --------
    >>> html_of("# Data <b>")
    Markup('<h3>Data &lt;b&gt;</h3>\\n')
    """
    tokens = _READER.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_DEEPEST, int(token.tag[1:]) + _BELOW)}"
        if token.attrs.pop("style", None) == "text-align:right":  # the pages allow no style of an element's own
            token.attrSet("class", "num")
    html = str(_READER.renderer.render(tokens, _READER.options, {}))
    # No text can hold these tags: HTML in the source is escaped.
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>').replace("</table>", "</table></div>")
    return Markup(html)  # noqa: S704 -- made of escaped text above
