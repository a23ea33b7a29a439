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
# Not SIGHUP: it is for us alone to obey or, as nohup wants it, to ignore.
_STOPS_OF_PROGRAMS = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
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
    let_children_be_stopped(options)
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


def let_children_be_stopped(options: ServerOptions) -> None:
    """A child can be stopped from its first moment on.

    Until it becomes its program it is a copy of us, and our handlers would swallow the signal that
    asks it to stop: it would be waited for until its limit.
    """

    def fork() -> int:
        # Held back, not lost: what arrives meanwhile is delivered when the mask is as it was.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            pid = os.fork()
            if pid == 0:
                for number in _STOPS_OF_PROGRAMS:
                    signal.signal(number, signal.SIG_DFL)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    options.fork = fork


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
