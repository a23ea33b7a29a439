"""Claims of the documentation and the tests that it names for them."""

import re
from pathlib import Path

_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>test_\w+)`")
_COLUMN = "shown by"


def named_tests(text: str) -> list[tuple[str, str]]:
    """File and name of every test in the text, each once."""
    return list(dict.fromkeys((match["file"], match["name"]) for match in _TEST.finditer(text)))


def is_there(root: Path, file: str, name: str) -> bool:
    """Whether the file has a test of that name, perhaps in a class."""
    place = root / file
    return place.is_file() and bool(
        re.search(rf"^\s*def {name}\(", place.read_text(), flags=re.MULTILINE)
    )


def claims(text: str) -> list[str]:
    """The rows of all tables that have a column for tests."""
    found: list[str] = []
    promised = False
    for line in text.splitlines():
        if not line.startswith("|"):
            promised = False
        elif line.endswith(f"| {_COLUMN} |"):
            promised = True
        elif promised and not line.startswith("|--"):
            found.append(line)
    return found
