"""Fonts of pictures and documents: Latin letters first, Chinese characters from the best font that there is.

A font with Chinese characters comes with the package, so that no machine draws boxes; a better one that is installed is
preferred.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

#: Folder of the bundled font.
FOLDER = Path(__file__).parent
BUNDLED = "Droid Sans Fallback"
LATIN = "DejaVu Sans"  # comes with matplotlib

#: Families that have Chinese characters, best first; the bundled one is always there.
CHINESE_FAMILIES = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    BUNDLED,
)


@cache
def chinese_family() -> str:
    """The best font with Chinese characters, known to matplotlib from now on."""
    from matplotlib import font_manager

    there = {entry.name for entry in font_manager.fontManager.ttflist}
    if BUNDLED not in there:
        font_manager.fontManager.addfont(FOLDER / "DroidSansFallbackFull.ttf")
    return next(name for name in CHINESE_FAMILIES if name in there or name == BUNDLED)


def families() -> list[str]:
    """Families in the order in which a character is looked up."""
    return [LATIN, chinese_family()]


def folders() -> list[Path]:
    """Folders that hold `LATIN` and the bundled font, for a program that is not matplotlib."""
    import matplotlib

    return [FOLDER, Path(matplotlib.get_data_path()) / "fonts" / "ttf"]
