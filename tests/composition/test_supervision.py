"""A real supervisor with small programs in the place of ours."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from app.composition.control import Control
from app.composition.environment import ROOT
from app.composition.in_the_way import CannotRun
from app.composition.processes import Program, supervisor_configuration, write_configuration
from app.composition.run_folder import RunFolder
from tests.support.waiting import wait_until

# Begins something when it starts, and needs so many seconds to finish it once it is told to stop.
_PROGRAM = """
import os, signal, sys, time
from app.composition.tethering import end_with

name, takes, folder = os.environ["THICKET_PROCESS"], float(sys.argv[1]), sys.argv[2]

def note(what):
    with open(os.path.join(folder, "notes"), "a") as notes:
        notes.write(f"{name} {what}\\n")

def stop(*_):
    note("stopping")
    time.sleep(takes)
    note("finished")
    sys.exit(0)

end_with(int(os.environ["THICKET_SUPERVISOR"]))
signal.signal(signal.SIGTERM, stop)
child = os.fork()
if child == 0:
    # A child of the kind that ends when its parent is gone.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(os.getppid())
    while True:
        time.sleep(60)
note(f"started {os.getpid()} {child}")
while True:
    time.sleep(60)
"""

# Holds the lock like ``up`` does, and becomes the supervisor.
_UP = """
import os, sys
from pathlib import Path
from app.composition.run_folder import RunFolder

folder = RunFolder(Path(sys.argv[1]))
assert folder.lock() is not None
text = folder.configuration.read_text().replace("SUPERVISOR_PID", str(os.getpid()))
folder.configuration.write_text(text)
os.execv(sys.executable, [sys.executable, "-P", "-m", "app.composition.foreground",
                          str(folder.configuration)])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    process: subprocess.Popen[bytes]
    control: Control
    data: Path

    def notes(self) -> list[str]:
        file = self.data / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def pids(self) -> list[int]:
        """Of every program and its child that was ever started."""
        started = [note.split() for note in self.notes() if " started " in note]
        return [int(pid) for words in started for pid in words[2:]]

    def nothing_is_left(self) -> bool:
        return not any(_is_alive(pid) for pid in self.pids())


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def run(
        *, takes_s: float = 0.0, limit_s: float = 20.0, ignoring_hang_up: bool = False
    ) -> Running:
        data = tmp_path / "data"
        folder = RunFolder(data)
        folder.make()
        script = tmp_path / "program.py"
        script.write_text(_PROGRAM)
        chosen = [
            Program(
                name=name,
                command=(sys.executable, "-P", str(script), str(takes), str(data)),
                stop_limit=timedelta(seconds=limit_s),
                outlives_the_others=name == "mailcatcher",
            )
            for name, takes in (("web", 0.0), ("worker", takes_s), ("mailcatcher", 0.0))
        ]
        text = supervisor_configuration(chosen, folder, supervisor=0, to_files=False)
        text = text.replace('THICKET_SUPERVISOR="0"', 'THICKET_SUPERVISOR="SUPERVISOR_PID"')
        write_configuration(folder, text.replace("startsecs = 2", "startsecs = 0"))
        shield = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"] if ignoring_hang_up else []
        process = subprocess.Popen(
            [*shield, sys.executable, "-P", "-c", _UP, str(data)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running = Running(process=process, control=Control(data), data=data)
        started.append(running)
        wait_until(lambda: len(running.pids()) == 6, limit_s=20, what="three programs")
        wait_until(lambda: _states(running) == {"running"}, limit_s=20, what="all to be running")
        return running

    try:
        yield run
    finally:
        for running in started:
            _end(running)


def _states(running: Running) -> set[str]:
    try:
        return {process.state for process in running.control.processes()}
    except CannotRun:
        return set()


def _end(running: Running) -> None:
    if running.process.poll() is None:
        running.process.kill()
    running.process.communicate(timeout=20)
    for pid in running.pids():
        if _is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    folder = RunFolder(running.data).socket.parent
    if folder != RunFolder(running.data).path:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_what_runs_finish_and_leaves_no_process(
    start: Start, number: signal.Signals
) -> None:
    running = start(takes_s=2)

    running.process.send_signal(number)
    output, _ = running.process.communicate(timeout=30)

    assert running.process.returncode == 0
    assert "worker finished" in running.notes()
    assert running.nothing_is_left()
    # Whoever hangs up takes the terminal along.
    assert (b"what has begun is finished first" in output) == (number != signal.SIGHUP)


def test_who_was_started_to_outlive_its_terminal_does(start: Start) -> None:
    running = start(ignoring_hang_up=True)

    running.process.send_signal(signal.SIGHUP)
    running.control.restart("web")

    assert _states(running) == {"running"}


def test_who_outlives_the_others_is_stopped_last(start: Start) -> None:
    running = start(takes_s=2)

    running.control.stop(limit_s=30)

    assert running.notes().index("worker finished") < running.notes().index("mailcatcher stopping")


def test_a_second_request_does_not_wait(start: Start) -> None:
    running = start(takes_s=60, limit_s=120)
    running.process.send_signal(signal.SIGINT)
    wait_until(lambda: "worker stopping" in running.notes(), what="the worker to be stopping")

    def ended_when_asked_again() -> bool:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGINT)
        return running.process.poll() is not None

    wait_until(ended_when_asked_again, limit_s=20, every_s=0.3, what="the supervisor to end")

    assert "worker finished" not in running.notes()
    wait_until(running.nothing_is_left, what="every process to be gone")


def test_two_signals_of_one_wish_do_not_kill(start: Start) -> None:
    running = start(takes_s=3)

    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGTERM)
    running.process.communicate(timeout=30)

    assert "worker finished" in running.notes()


def test_who_does_not_stop_in_time_is_killed_with_its_children(start: Start) -> None:
    running = start(takes_s=60, limit_s=1)

    with at_most(20):
        running.control.stop(limit_s=30)

    assert "worker finished" not in running.notes()
    wait_until(running.nothing_is_left, what="every process to be gone")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children")
def test_killing_the_supervisor_leaves_no_orphans(start: Start) -> None:
    running = start(takes_s=1)

    running.process.kill()
    running.process.wait(timeout=10)

    wait_until(running.nothing_is_left, limit_s=20, what="every process to be gone")
    assert "worker finished" in running.notes()
    assert not running.control.is_running()


def test_a_process_that_dies_is_started_again(start: Start) -> None:
    running = start()
    before = {process.name: process.pid for process in running.control.processes()}
    assert before["web"] is not None

    os.kill(before["web"], signal.SIGKILL)

    def is_back() -> bool:
        after = {process.name: process for process in running.control.processes()}
        return after["web"].state == "running" and after["web"].pid != before["web"]

    wait_until(is_back, limit_s=20, what="the web process to be back")


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.7])
def test_a_stop_just_after_a_process_died_does_not_wait_for_its_successor(
    start: Start, after_s: float
) -> None:
    """The supervisor looks once a second: it starts the successor, and then reads of the stop."""
    running = start(limit_s=120)
    died = {process.name: process.pid for process in running.control.processes()}["worker"]
    assert died is not None

    os.kill(died, signal.SIGKILL)
    time.sleep(after_s)
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=15)

    assert running.process.returncode == 0
    assert running.nothing_is_left()


def test_restarting_one_leaves_the_others_alone(start: Start) -> None:
    running = start(takes_s=1)
    before = {process.name: process.pid for process in running.control.processes()}

    running.control.restart("worker")

    after = {process.name: process.pid for process in running.control.processes()}
    assert "worker finished" in running.notes()
    assert after["worker"] != before["worker"]
    assert after["web"] == before["web"]


def test_restarting_what_does_not_exist_names_what_does(start: Start) -> None:
    running = start()

    with pytest.raises(CannotRun, match="no process wrk; there are mailcatcher, web, worker"):
        running.control.restart("wrk")


def test_where_nothing_runs_that_is_said(tmp_path: Path) -> None:
    control = Control(tmp_path)

    with pytest.raises(CannotRun, match="nothing runs on the data folder"):
        control.processes()
    assert not control.is_running()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children")
def test_what_the_dead_left_behind_is_no_obstacle(start: Start) -> None:
    killed = start()
    killed.process.kill()
    killed.process.wait(timeout=10)
    wait_until(killed.nothing_is_left, limit_s=20, what="every process to be gone")
    left = RunFolder(killed.data)
    assert left.configuration.exists()
    assert left.socket.exists()

    with pytest.raises(CannotRun, match="nothing runs on the data folder"):
        killed.control.restart("web")
    (killed.data / "notes").unlink()
    left.socket.unlink()  # as up does it
    again = start()

    assert _states(again) == {"running"}
