"""gunicorn as we set it up, with a small application in the place of ours."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.support.processes import answers, command, free_ports, wait_for_port

_APPLICATION = """
import time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']}".encode()]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "wsgi.py").write_text(_APPLICATION)
    return tmp_path


def test_a_request_that_runs_is_finished_before_the_end(path: Path) -> None:
    port = free_ports()
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
    port = free_ports()
    with command("web", path=path, PORT=str(port), DATA=str(path / "data")) as web:
        wait_for_port(web, port)
        request = Request(
            f"http://127.0.0.1:{port}/",
            headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"},
        )

        assert urlopen(request, timeout=20).read() == b"http 127.0.0.1"
