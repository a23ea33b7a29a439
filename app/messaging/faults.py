"""Collecting what is wrong with a configuration, so that all of it is reported at once."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ports.errors import CannotStart, Fault


class Faults:
    def __init__(self) -> None:
        self._found: list[Fault] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, where: str, problem: str, remedy: str) -> None:
        self._found.append(Fault(where=where, problem=problem, remedy=remedy))

    def raise_any(self) -> None:
        """Raises:
        CannotStart: at least one fault was added.
        """
        if self._found:
            raise CannotStart(self._found)


def place_of(target: type | Callable[..., Any]) -> str:
    """``path/to/file.py:12 Class.method``, relative to the working directory where possible."""
    name = getattr(target, "__qualname__", repr(target))
    try:
        path = Path(inspect.getsourcefile(target) or "?")
        line = inspect.getsourcelines(target)[1]
    except (OSError, TypeError):
        return str(name)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line} {name}"
