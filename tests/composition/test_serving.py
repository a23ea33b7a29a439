"""gunicorn as we set it up, with a small application in the place of ours."""

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from soak.ports import answers, free_ports
from tests.support.processes import command, wait_for_port

_APPLICATION = """
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    if environ["PATH_INFO"].startswith("/issues/"):
        raise RuntimeError("broken")
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']}".encode()]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "wsgi.py").write_text(_APPLICATION)
    return tmp_path


def test_a_request_that_runs_is_finished_before_the_end(path: Path) -> None:
    port = free_ports(3)
    with (
        command("web", path=path, PORT=str(port), DATA=str(path / "data")) as web,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        wait_for_port(web, port)

        answer = pool.submit(lambda: urlopen(f"http://127.0.0.1:{port}/slow", timeout=20).read())
        quick = urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
        web.send_signal(signal.SIGTERM)

        assert answer.result(timeout=20) == quick
        assert web.wait(timeout=20) == 0
        assert not answers(port)


def test_what_a_stranger_claims_to_forward_is_not_believed(path: Path) -> None:
    port = free_ports(3)
    with command("web", path=path, PORT=str(port), DATA=str(path / "data")) as web:
        wait_for_port(web, port)
        request = Request(
            f"http://127.0.0.1:{port}/",
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"},
        )

        assert urlopen(request, timeout=20).read() == b"http 127.0.0.1"


def test_who_sends_slowly_holds_nobody_up(path: Path) -> None:
    """As many as there are threads begin a request and never end it: its headers, its body."""
    port, threads = free_ports(3), 2
    settings = {"PORT": str(port), "DATA": str(path / "data"), "WEB_THREADS": str(threads)}
    begun = [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
    ]
    with command("web", path=path, LIMIT_REQUEST_TIME="2s", **settings) as web:
        wait_for_port(web, port)
        slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in begun]
        for one, text in zip(slow, begun, strict=True):
            one.sendall(text)

        answer = urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()

        assert answer.startswith(b"http ")
        assert all(_is_closed(one) for one in slow)


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("GET /" + "a" * 5_000, [], b"414"),
        ("GET /", ["X-Long: " + "a" * 20_000], b"431"),
        ("GET /", [f"X-{number}: a" for number in range(200)], b"431"),
        ("GET /", ["Transfer-Encoding: chunked", "Content-Length: 3"], b"400"),
        ("GET /", ["Content-Length: -1"], b"400"),
        ("GET /", ["Bad Name: x"], b"400"),
        ("G\x00T /", [], b"400"),
    ],
    ids=["address", "header", "headers", "two lengths", "negative", "name", "method"],
)
def test_what_no_browser_sends_is_refused_before_it_is_read(
    served: int, request_line: str, headers: list[str], status: bytes
) -> None:
    head = "\r\n".join([f"{request_line} HTTP/1.1", "Host: x", *headers, "", ""])

    with socket.create_connection(("127.0.0.1", served), timeout=20) as connection:
        connection.sendall(head.encode("latin-1"))
        answer = connection.recv(1000)

    assert answer.split(b" ")[1] == status, answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path, port = tmp_path_factory.mktemp("served"), free_ports(3)
    (path / "wsgi.py").write_text(_APPLICATION)
    with command("web", path=path, PORT=str(port), DATA=str(path / "data")) as web:
        wait_for_port(web, port)
        yield port


def test_what_the_server_complains_about_shows_no_token(path: Path) -> None:
    port, token = free_ports(3), "MDFhMjAw.1810860545.zzsqX3ZXY3Ki"
    with command("web", path=path, PORT=str(port), DATA=str(path / "data")) as web:
        wait_for_port(web, port)
        for line in (f"GET /issues/{token} HTTP/1.1", f"GET /issues/{token} HTTP/99"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                connection.sendall(f"{line}\r\nHost: x\r\n\r\n".encode())
                connection.recv(1000)
        web.send_signal(signal.SIGTERM)
        printed, _ = web.communicate(timeout=20)

    assert "RuntimeError: broken" in printed
    assert "/issues/***" in printed
    assert token not in printed


def _is_closed(connection: socket.socket) -> bool:
    """It may be told why before."""
    with connection:
        while connection.recv(1000):
            pass
    return True
