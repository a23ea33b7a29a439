"""Wake-ups of a memory store, for relays that run in threads."""

import threading

from adapters.memory.database import MemoryDatabase


class MemoryWakeUps:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._event = threading.Event()
        database.listen(self)

    def another(self) -> "MemoryWakeUps":
        return MemoryWakeUps(self._database)

    def wait(self, timeout_seconds: float) -> bool:
        woken = self._event.wait(timeout_seconds)
        self._event.clear()
        return woken

    def wake(self) -> None:
        """Called by the database after a commit that brought messages or events."""
        self._event.set()

    def close(self) -> None:
        self._database.stop_listening(self)
