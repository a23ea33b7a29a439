"""A Python traceback as text, taken apart so that one's own code comes first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\](?P<name>[^/\\]+)")
_STANDARD = re.compile(r"[/\\]lib[/\\]python3|^<")
_MARKERS = re.compile(r"^\s*[~^]+\s*$")
# Traces come from anybody's code; a recursion a thousand deep is not read frame by frame.
_MOST_FRAMES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFrame:
    path: str
    line: int
    function: str
    source: str
    library: str | None
    """The package it belongs to, ``python`` for the standard library, ``None`` for own code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackTrace:
    """``error`` is the last exception's text; frames are oldest first, as Python prints."""

    error: str
    frames: tuple[StackFrame, ...]
    text: str

    @property
    def own_frames(self) -> tuple[StackFrame, ...]:
        """One's own code, the place of the error first."""
        return tuple(frame for frame in reversed(self.frames) if frame.library is None)

    @property
    def library_names(self) -> tuple[str, ...]:
        return tuple(sorted({frame.library for frame in self.frames if frame.library}))

    @property
    def library_frames(self) -> int:
        return sum(1 for frame in self.frames if frame.library)


def parse_stack_trace(text: str, *, root: str = "") -> StackTrace:
    """Never fails: text that is no traceback has no frames and is shown as it is.

    Paths below ``root`` lose it. Of chained exceptions the frames of the last one are kept, since
    it is the one that was not handled; the whole text is kept besides.
    """
    lines = text.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (")]
    last = lines[starts[-1] + 1 :] if starts else lines
    frames = tuple(_frames(last, root)) if starts else ()
    return StackTrace(error=_error(last), frames=frames[-_MOST_FRAMES:], text=text)


def _frames(lines: list[str], root: str) -> Iterator[StackFrame]:
    for number, line in enumerate(lines):
        match = _FRAME.match(line)
        if match is None:
            continue
        path = match["path"]
        yield StackFrame(
            path=path.removeprefix(root).lstrip("/") if root else path,
            line=int(match["line"]),
            function=match["function"] or "",
            source=_source(lines[number + 1 :]),
            library=_library(path),
        )


def _source(following: list[str]) -> str:
    taken: list[str] = []
    for line in following:
        if _FRAME.match(line) or not line.startswith("    "):
            break
        if not _MARKERS.match(line):
            taken.append(line.removeprefix("    "))
    return "\n".join(taken)


def _library(path: str) -> str | None:
    installed = _INSTALLED.search(path)
    if installed is not None:
        return installed["name"].removesuffix(".py")
    return "python" if _STANDARD.search(path) else None


def _error(lines: list[str]) -> str:
    for number, line in enumerate(lines):
        if line and not line.startswith((" ", "Traceback (")):
            return "\n".join(lines[number:]).strip()
    return ""
