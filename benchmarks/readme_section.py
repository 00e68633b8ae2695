"""The part of benchmarks/README.md that a benchmark writes: tables, between two marks of its own."""

from pathlib import Path

import pandas as pd


def replace_section(readme: Path, mark: str, heading: str, text: str) -> None:
    """Put the heading and the text between a benchmark's marks, at the end of the file when they are not there.

    Parameters
    ----------
    readme : Path
        Made when it is not there.
    mark : str
        Name of the marks: `<!-- mark -->` before, `<!-- /mark -->` behind.
    heading : str
        Title with its number signs, and the command that makes the section.
    text : str
        What was found, as Markdown.
    """
    start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    whole = readme.read_text(encoding="utf-8") if readme.exists() else "# Benchmarks\n"
    before, found, rest = whole.partition(start)
    after = rest.partition(end)[2] if found else ""
    section = f"{start}\n{heading}\n\n{text}\n{end}"
    readme.write_text(before.rstrip() + "\n\n" + section + (after or "\n"), encoding="utf-8")


def markdown(frame: pd.DataFrame) -> str:
    """A frame of texts as a Markdown table."""
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
