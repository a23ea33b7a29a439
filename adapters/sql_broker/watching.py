"""Noticing that somebody else published."""

from collections.abc import Set as AbstractSet
from typing import Protocol


class ChangeWatch(Protocol):
    """One consumer's watch; used by one thread."""

    def fileno(self) -> int | None:
        """What becomes readable when there is something to :meth:`take`; None: ask regularly."""

    def take(self) -> AbstractSet[str] | None:
        """The queues announced since the last call; None stands for all of them.

        Raises:
            BrokerConnectionLost: nothing will be announced any more.
        """

    def wait(self, timeout_s: float) -> AbstractSet[str] | None:
        """Like :meth:`take`, but wait up to ``timeout_s`` for the first announcement."""

    def recheck_after_s(self) -> float | None:
        """How long after each announcement its queues must be looked at once more.

        None: not at all. Publishers announce a queue once for a burst of messages; the last of
        them may be stored a moment after the announcement.
        """

    def close(self) -> None: ...
