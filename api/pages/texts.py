"""Translations of the pages: gettext catalogues under ``locale``, one file per page, compiled when first asked for."""

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from api.language import Language

LOCALE = Path(__file__).parent / "locale"


@cache
def translations(lang: Language) -> gettext.NullTranslations:
    """The texts of a language; English is what the pages are written in."""
    if lang == "en":
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, joined_catalogue(lang))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def joined_catalogue(lang: str) -> Catalog:
    """The messages of all files of a language.

    Raises
    ------
    ValueError
        If two files translate one message differently.
    """
    joined = Catalog(locale=lang)
    for file in sorted((LOCALE / lang).glob("*.po")):
        with file.open("rb") as stream:
            for message in read_po(stream, locale=lang):
                known = joined.get(message.id) if message.id else None
                if known is not None and known.string != message.string:
                    raise ValueError(
                        f"{file.name} has {message.string!r} for {message.id!r}, another file {known.string!r}."
                    )
                if message.id:
                    joined[message.id] = message
    return joined
