"""One transaction around a call, with instant retries outside it."""

from collections.abc import Callable
from typing import TypeVar

from ports.errors import ConcurrencyConflict
from ports.outbound.transactions import Store, UnitOfWork

T = TypeVar("T")


class Transactions:
    """``conflict_retries`` extra tries follow when somebody else changed an aggregate first; each
    has a fresh transaction. A call inside an open transaction joins it and is never retried."""

    def __init__(self, store: Store, *, conflict_retries: int = 3) -> None:
        self._begin = store.begin
        self._current = store.current
        self._tries = conflict_retries + 1

    def run(self, action: Callable[[UnitOfWork], T]) -> T:
        unit = self._current()
        if unit is not None:
            return self._joined(unit, action)
        return self.apart(action)

    def apart(self, action: Callable[[UnitOfWork], T]) -> T:
        """In a transaction of its own, whatever surrounds it, with the retries."""
        left = self._tries
        while True:
            left -= 1
            try:
                return self.once(action)
            except ConcurrencyConflict:
                if not left:
                    raise

    @staticmethod
    def _joined(unit: UnitOfWork, action: Callable[[UnitOfWork], T]) -> T:
        """Whoever catches the error goes on without what this part had written."""
        mark = unit.mark()
        try:
            return action(unit)
        except BaseException:
            unit.return_to(mark)
            raise

    def once(self, action: Callable[[UnitOfWork], T]) -> T:
        """In a transaction of its own, whatever surrounds it, without retries."""
        unit = self._begin()
        try:
            result = action(unit)
            unit.commit()
        except BaseException:
            unit.rollback()
            raise
        return result
