import base64
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from soak.ports import free_ports
from tests.support.processes import command, wait_for_port

PASSWORD = "correct,horse:battery"


def status_of(url: str, password: str | None = None, method: str = "GET") -> int:
    request = Request(url, method=method)
    if password is not None:
        token = base64.b64encode(f"operator:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_flower_shows_everything_to_whoever_has_the_password_and_changes_nothing(
    tmp_path: Path,
) -> None:
    port = free_ports(3)
    with command(
        "flower", PORT=str(port), DATA=str(tmp_path / "data"), FLOWER_PASSWORD=PASSWORD
    ) as flower:
        wait_for_port(flower, port + 1)
        pages = [f"http://127.0.0.1:{port + 1}/{page}" for page in ("", "api/workers", "metrics")]

        assert [status_of(page) for page in pages] == [401, 401, 401]
        assert status_of(pages[0], PASSWORD.split(",")[0]) == 401
        assert [status_of(page, PASSWORD) for page in (pages[0], pages[2])] == [200, 200]
        assert (
            status_of(f"http://127.0.0.1:{port + 1}/api/worker/shutdown/w", PASSWORD, "POST") == 403
        )
        assert PASSWORD not in Path(f"/proc/{flower.pid}/cmdline").read_text()

        flower.send_signal(signal.SIGTERM)
        assert flower.wait(timeout=20) == 0


def test_beat_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with command("beat", DATA=str(tmp_path / "data")) as beat:
        assert beat.stdout is not None
        assert "Starting" in beat.stdout.readline()

        beat.send_signal(signal.SIGTERM)

        assert beat.wait(timeout=20) == 0
