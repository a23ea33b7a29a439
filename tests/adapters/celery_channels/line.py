"""A TCP line to a server that can be cut, for all who talk over it at once."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Line:
    """Forwards bytes between its own port and the server's until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self._dead = False
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    def cut(self) -> None:
        """Close every connection; new ones are let through."""
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            _close(end)

    def close(self) -> None:
        self._dead = True
        _close(self._door)
        self.cut()

    def _accept(self) -> None:
        while not self._dead:
            try:
                near, _ = self._door.accept()
                far = socket.create_connection(self._server)
            except OSError:
                continue
            with self._lock:
                self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _close(source)
    _close(target)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def line_to(url: str, *, default_port: int) -> Iterator[tuple[Line, str]]:
    """A line to the server of a URL, and the URL that leads over it."""
    parts = urlsplit(url)
    line = Line(parts.hostname or "127.0.0.1", parts.port or default_port)
    login, at, _ = parts.netloc.rpartition("@")
    try:
        yield line, urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{line.port}"))
    finally:
        line.close()
