import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.cli.product import ProcessState
from app.composition import announcing
from app.composition.announcing import announce
from app.composition.environment import read_settings
from app.composition.in_the_way import CannotRun
from app.composition.settings import Settings
from tests.composition.conftest import Given


def a_process(name: str, state: str = "running") -> ProcessState:
    return ProcessState(name=name, state=state, pid=1, seconds=1, detail="")


@dataclass
class Stage:
    """What the supervisor and the pages say; the last of ``scenes`` stays."""

    scenes: list[Sequence[ProcessState] | CannotRun] = field(default_factory=list)
    ready: list[int] = field(default_factory=lambda: [200])

    def processes(self) -> Sequence[ProcessState]:
        scene = self.scenes.pop(0) if len(self.scenes) > 1 else self.scenes[0]
        if isinstance(scene, CannotRun):
            raise scene
        return scene

    def next_status(self) -> int:
        return self.ready.pop(0) if len(self.ready) > 1 else self.ready[0]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(announcing, "Control", lambda _: stage)
    monkeypatch.setattr(announcing, "_EVERY_S", 0.01)
    return stage


@pytest.fixture
def settings(stage: Stage, given: Given, tmp_path: Path) -> Iterator[Settings]:
    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/healthz/ready"
            self.send_response(stage.next_status())
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    given()
    yield read_settings(data=tmp_path, port=server.server_port)
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_the_addresses_are_printed_once_everything_runs_and_is_ready(
    stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.scenes = [
        CannotRun("nothing runs yet"),
        [a_process("web"), a_process("worker", "starting")],
        [a_process("web"), a_process("worker")],
    ]
    stage.ready = [503, 503, 200]

    assert announce(settings, limit_s=20)

    output = capsys.readouterr().out
    assert output.count("Thicket is up.") == 1
    for address in ("/", "/sign-in", "/operations/", "/mailbox"):
        assert f"http://127.0.0.1:{settings.port}{address}" in output
    assert f"http://127.0.0.1:{settings.flower_port}/" in output
    assert stage.ready == [200]


def test_pages_that_never_become_ready_are_told(
    stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.scenes = [[a_process("web")]]
    stage.ready = [503]

    assert not announce(settings, limit_s=0.3)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "/healthz/ready answers 503" in captured.err


def test_a_process_that_gave_up_is_told_at_once(
    stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.scenes = [[a_process("web"), a_process("worker", "fatal")]]

    assert not announce(settings, limit_s=60)

    assert "worker is fatal" in capsys.readouterr().err


def test_no_password_is_announced(
    stage: Stage, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.scenes = [[a_process("web")]]
    settings.flower_password_file.write_text("very-secret")

    announce(settings, limit_s=20)

    assert "very-secret" not in capsys.readouterr().out
