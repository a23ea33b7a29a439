"""A mail server that keeps each mail in a file of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class _Keeper:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        number = next(self._numbers)
        part = self._folder / f".{number:06}"
        part.write_bytes(envelope.content)
        part.rename(self._folder / f"{number:06}.eml")
        return "250 OK"


@contextmanager
def mail_server(folder: Path, *, port: int) -> Iterator[str]:
    """Yield its URL."""
    controller = Controller(_Keeper(folder), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
