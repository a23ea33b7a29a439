"""Fenced blocks of the documentation.

```` ```python ```` is part of the page's program: all such blocks of a page run from top to bottom
in one module. ```` ```python from=<path> ```` quotes a file of the product word for word. In
```` ```sh ```` stands what a reader types, a command a line.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(
    r"^(?P<ticks>```+)(?P<language>\w+)[ ]*(?P<rest>[^\n]*)\n(?P<text>.*?)^(?P=ticks)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    page: Path
    line: int  # of the first line of its text, from 1
    language: str
    source: str | None  # the file that it quotes
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page that a reader of the product is led to."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("**/*.md")]
    return [*found, *ROOT.glob("*/README.md")]


def fences(page: Path, language: str) -> list[Fence]:
    text = page.read_text()
    return [
        Fence(
            page=page,
            line=text.count("\n", 0, match.start("text")) + 1,
            language=language,
            source=_source(match["rest"]),
            text=match["text"],
        )
        for match in _FENCE.finditer(text)
        if match["language"] == language
    ]


def _source(rest: str) -> str | None:
    return rest.removeprefix("from=") if rest.startswith("from=") else None
