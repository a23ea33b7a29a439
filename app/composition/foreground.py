"""The supervisor itself, in the foreground: ``python -m app.composition.foreground FILE``.

A program of its own that ``./thicket up`` turns into, so that nothing of what ``up`` needed before
stays in memory.
"""

import os
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
# One wish to stop may arrive as two signals: from the terminal and from whoever started us.
_SAME_WISH_S = 1.0
_JOURNAL_S = 5.0


def main(configuration: str) -> None:
    """Runs until every program has stopped."""
    options = ServerOptions()
    options.realize(["-n", "-c", configuration])
    options.first = True
    options.test = False
    supervisor = Supervisor(options)
    stop_on_signals(supervisor)
    with suppress(asyncore.ExitNow):
        supervisor.main()
    options.close_httpservers()
    # Beside the folder of the run lies the data; a program that had to be killed closed no file.
    fold_in_journals(Path(configuration).resolve().parents[1])
    options.close_logger()


def fold_in_journals(data: Path) -> None:
    """What SQLite wrote beside its files goes into them, so that a copy of them is complete."""
    for file in data.glob("*.db"):
        if not file.with_name(f"{file.name}-wal").exists():
            continue
        try:
            with closing(sqlite3.connect(file, timeout=_JOURNAL_S)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            # Nothing is lost: whoever opens the file next reads both.
            sys.stderr.write(f"the journal of {file} stays: {error}\n")


def stop_on_signals(supervisor: Supervisor) -> None:
    """Every signal that usually ends a program stops everything; a second one does not wait.

    By itself the supervisor would take a closed terminal, SIGHUP, for a request to restart all.
    """
    options = supervisor.options
    take = options.get_signal
    asked_at: list[float] = []
    # As nohup wants it; the supervisor would listen all the same.
    ignores_hang_up = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN

    def get_signal() -> int | None:
        taken: int | None = take()
        if taken not in _STOPS:
            return taken
        if taken == signal.SIGHUP:
            if ignores_hang_up:
                return None
            _leave_the_terminal()
        now = time.monotonic()
        if asked_at and now - asked_at[0] > _SAME_WISH_S:
            options.logger.warn("asked again: killing what is still running")
            _kill_everything(supervisor)
        elif not asked_at and options.mood >= SupervisorStates.RUNNING:
            options.logger.warn("stopping; what has begun is finished first (ask again to kill it)")
            asked_at.append(now)
        options.mood = SupervisorStates.SHUTDOWN
        return None

    options.get_signal = get_signal


def _leave_the_terminal() -> None:
    """It is gone: whatever is still written to it fails, and must not keep us from waiting."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


def _kill_everything(supervisor: Supervisor) -> None:
    for group in supervisor.process_groups.values():
        for process in group.processes.values():
            if process.pid:
                process.kill(signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
