"""What every page shares: who asks, in which language, and how a template becomes an answer."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.language import Language, negotiate
from api.pages.assets import asset
from api.pages.formats import Formats
from api.pages.navigation import menu
from api.pages.texts import translations
from api.rights import Caller
from api.service import Service
from api.view import View, ViewOf
from forecast.explain.told import Told, told_rules

_TEMPLATES = Path(__file__).parent / "templates"
_YEAR_S = 365 * 24 * 3600
_THEMES = ("light", "dark")

#: Plotly sets styles of the elements that it draws; nothing else may.
_CHART_STYLES = " 'unsafe-inline'"


def _environment(lang: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds its methods when it is loaded.
    vars(environment)["install_gettext_translations"](translations(lang), newstyle=True)
    environment.globals["asset"] = asset
    return environment


_environments: dict[Language, Environment] = {"en": _environment("en"), "zh": _environment("zh")}


class EmptyWorkspace(Exception):
    """There is no data yet: the page tells what to do first."""


class Site:
    """Renders templates for one request, also for people who are not known yet.

    Parameters
    ----------
    request : Request
    service : Service
    caller : Caller, optional
        Who asks, once known.
    """

    def __init__(self, request: Request, service: Service, caller: Caller | None = None) -> None:
        self.request = request
        self.service = service
        self.caller = caller

    @cached_property
    def lang(self) -> Language:
        """The language chosen on this address, else the one chosen before, else the browser's."""
        chosen = _language(self.request.query_params.get("lang")) or _language(self.request.cookies.get("lang"))
        return negotiate(chosen, self.request.headers.get("Accept-Language"))

    @cached_property
    def format(self) -> Formats:
        """How numbers are written."""
        settings = self.service.workspace.settings
        return Formats(self.lang, settings.zone, settings.reporting_currency)

    def gettext(self, text: str, **values: object) -> str:
        """A text in the page's language, with ``%(name)s`` filled in."""
        translated = translations(self.lang).gettext(text)
        return translated % values if values else translated

    def told(self, sentence: str) -> Told:
        """A sentence that the service keeps or raises in English, in the page's language where its form is known."""
        return told_rules(sentence, self.lang)

    def render(
        self, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200, charts: bool = False
    ) -> HTMLResponse:
        """A page, or the part of one that htmx asked for.

        Parameters
        ----------
        template : str
            Below ``templates``.
        context : mapping, optional
            What the template shows, beside `page` (this) and `f` (formats).
        charts : bool
            Whether the page draws charts.
        """
        environment = _environments[self.lang]
        body = environment.get_template(template).render(
            {"page": self, "f": self.format, "charts": charts} | dict(context or {})
        )
        response = HTMLResponse(body, status)
        response.headers["Content-Security-Policy"] = self._security_policy(charts)
        response.headers["Content-Language"] = self.lang
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Accept-Language, Cookie, HX-Request"
        self._remember(response)
        return response

    def _security_policy(self, charts: bool) -> str:
        return (
            f"default-src 'none'; script-src 'self'; style-src 'self'{_CHART_STYLES if charts else ''}; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def _remember(self, response: HTMLResponse) -> None:
        """Keep a language or theme chosen on this address."""
        for name, chosen in (
            ("lang", self.request.query_params.get("lang")),
            ("theme", self.request.query_params.get("theme")),
        ):
            if chosen in (*_THEMES, "en", "zh"):
                response.set_cookie(name, chosen, max_age=_YEAR_S, samesite="lax", httponly=True)

    # -- what the base template asks for ------------------------------------------------------------------------------

    @property
    def theme(self) -> str:
        """``light``, ``dark`` or empty for the system's."""
        chosen = self.request.query_params.get("theme") or self.request.cookies.get("theme") or ""
        return chosen if chosen in _THEMES else ""

    @property
    def menu(self) -> list[Any]:
        """Pages of the menu."""
        return menu(self.caller) if self.caller else []

    @property
    def path(self) -> str:
        """Of this page."""
        return self.request.url.path

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return self.request.headers.get("HX-Request") == "true"

    @property
    def csrf(self) -> str:
        """What proves that a form was sent from a page of ours."""
        return str(getattr(self.request.state, "csrf", ""))

    def address(self, **changed: object) -> str:
        """This address with other query parameters; None takes one out."""
        url = self.request.url.remove_query_params([name for name, value in changed.items() if value is None])
        url = url.include_query_params(**{name: value for name, value in changed.items() if value is not None})
        return f"{url.path}?{url.query}" if url.query else url.path


class Page(Site):
    """One request for a page by somebody known.

    Attributes
    ----------
    view : View
        The only door to data.
    """

    def __init__(self, request: Request, view: View) -> None:
        super().__init__(request, view.service, view.caller)
        self.view = view


def page_of(request: Request, view: ViewOf) -> Page:
    """The page of this request."""
    return Page(request, view)


def data_page_of(page: Annotated[Page, Depends(page_of)]) -> Page:
    """The same where data are shown; an empty workspace explains itself instead."""
    if page.service.workspace.lake.head() == 0:
        raise EmptyWorkspace
    return page


#: A page that shows data.
PageOf = Annotated[Page, Depends(data_page_of)]
#: A page that does not need data, such as the account's.
AnyPageOf = Annotated[Page, Depends(page_of)]


def _language(text: str | None) -> Language | None:
    return "en" if text == "en" else "zh" if text == "zh" else None
