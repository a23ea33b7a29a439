"""Reading ``THICKET_*`` variables one after the other, noting what is wrong instead of stopping."""

import difflib
import os
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from environs import EnvValidationError, FileAwareEnv

PREFIX = "THICKET_"
# Read by the shell script and by tests, or set by a process for its own children.
_NOT_SETTINGS = frozenset({"PYTHON", "VENV", "PROCESS", "SUPERVISOR"})
_FILE = "_FILE"

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)


class Variables:
    """``problems`` grows with every value that cannot be used; its default is answered then."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._known: set[str] = set()
        self._env = FileAwareEnv(prefix=PREFIX, strip_whitespace=True)

    def text(self, name: str, default: T, check: Callable[[str], T]) -> T:
        """``check`` makes the value, or raises ValueError with a sentence without secrets."""
        return self._read(name, default, lambda: check(str(self._env.str(name)).strip()))

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        def check(text: str) -> int:
            number = int(text) if text.isascii() and text.isdecimal() else -1
            if not low <= number <= high:
                raise ValueError(f"write a whole number from {low} to {high}")
            return number

        return self.text(name, default, check)

    def choice(self, name: str, default: Choice) -> Choice:
        kind = type(default)

        def check(text: str) -> Choice:
            if text not in list(kind):
                raise ValueError(f"write one of {', '.join(kind)}")
            return kind(text)

        return self.text(name, default, check)

    def yes_or_no(self, name: str, default: bool) -> bool:
        return self._read(
            name, default, lambda: bool(self._env.bool(name)), instead="write true or false"
        )

    def duration(self, name: str, default: timedelta) -> timedelta:
        instead = "write a duration above zero, such as 90s, 15m, 12h or 30d"

        def read() -> timedelta:
            value = self._env.timedelta(name)
            if not value or value <= timedelta(0):
                raise ValueError(instead)
            return value

        return self._read(name, default, read, instead=instead)

    def require(self, *names: str) -> None:
        self.problems += [
            f"{PREFIX}{name} is required in production" for name in names if not self._given(name)
        ]

    @property
    def asked_for(self) -> frozenset[str]:
        return frozenset(f"{PREFIX}{name}" for name in self._known)

    def note_misspelt(self) -> None:
        """To be called last: a variable that nobody asked for but that resembles one that was.

        Others are left alone: platforms set variables of their own, named after the service.
        """
        for variable in sorted(os.environ):
            name = variable.removeprefix(PREFIX).removesuffix(_FILE)
            if not variable.startswith(PREFIX) or name in self._known | _NOT_SETTINGS:
                continue
            alike = difflib.get_close_matches(name, sorted(self._known), n=1, cutoff=0.8)
            if alike:
                self.problems.append(f"{variable} is no setting; did you mean {PREFIX}{alike[0]}?")

    def _read(self, name: str, default: T, read: Callable[[], T], *, instead: str = "") -> T:
        self._known.add(name)
        if not self._given(name):
            return default
        try:
            return read()
        except EnvValidationError as error:
            self.problems.append(f"{PREFIX}{name}: {instead or error}")
        except ValueError as error:
            self.problems.append(f"{PREFIX}{name}: {error}")
        return default

    def _given(self, name: str) -> bool:
        variable = f"{PREFIX}{name}"
        return bool(os.environ.get(variable, "").strip() or os.environ.get(f"{variable}{_FILE}"))
