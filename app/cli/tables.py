"""Lists on the terminal: columns for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

Cell = str | int | float | bool | datetime | None
Row = Mapping[str, Cell]

_GAP = "  "


def show(rows: Sequence[Row], *, as_json: bool, nothing: str) -> None:
    """All rows have the same keys, which head the columns. ``nothing`` is said for no rows."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2, default=_json))
    elif not rows:
        click.echo(nothing)
    else:
        click.echo("\n".join(_lines(rows)))


def show_one(row: Row, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(dict(row), indent=2, default=_json))
        return
    width = max(len(key) for key in row)
    for key, value in row.items():
        first, *more = _text(value).splitlines() or [""]
        click.echo(f"{_heading(key):<{width}}{_GAP}{first}".rstrip())
        for line in more:
            click.echo(f"{' ' * width}{_GAP}{line}".rstrip())


def duration(seconds: float | None) -> str:
    """In its two largest units: 3 d 4 h."""
    if seconds is None:
        return ""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def _lines(rows: Sequence[Row]) -> list[str]:
    table = [[_heading(key) for key in rows[0]]]
    table += [[_text(value).replace("\n", " ") for value in row.values()] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return [
        _GAP.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]


def _heading(key: str) -> str:
    return key.replace("_", " ")


def _text(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case _:
            # A control character in what strangers sent must not steer the reader's terminal.
            return "".join(
                sign if sign.isprintable() or sign == "\n" else "?" for sign in str(value)
            )


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
