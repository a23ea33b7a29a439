"""The machine's own clock, and identifiers made from it."""

import os
import threading
import time
from datetime import UTC, datetime
from weakref import WeakSet

_VERSION_7 = 0x7000
_VARIANT = 0x8000_0000_0000_0000
_TAIL_BITS = 74
_TAIL_END = 1 << _TAIL_BITS
_LOW_BITS = 62
_LOW_MASK = (1 << _LOW_BITS) - 1
_POOL_BYTES = 4096
# A step above the identifier before it: at least 1, and not to be guessed from outside.
_STEP_BYTES = 4


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class UuidV7Identifiers:
    """UUIDs of version 7 (RFC 9562), each greater than all that this instance made before.

    48 bits of milliseconds are followed by 74 random ones; within one millisecond, and while the
    clock runs backwards, the random part grows by a random step instead. May be shared by threads.
    A forked child starts with randomness of its own.
    """

    _pool_used: int

    def __init__(self) -> None:
        self.start_afresh()
        _alive.add(self)

    def new(self) -> str:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin_millisecond(now)
            else:
                self._tail += self._random(_STEP_BYTES) + 1
                if self._tail >= _TAIL_END:
                    self._begin_millisecond(self._millisecond + 1)
            tail = self._tail
            prefix = self._prefix
        low = f"{_VARIANT | tail & _LOW_MASK:016x}"
        return f"{prefix}{_VERSION_7 | tail >> _LOW_BITS:04x}-{low[:4]}-{low[4:]}"

    def _begin_millisecond(self, millisecond: int) -> None:
        self._millisecond = millisecond
        text = f"{millisecond:012x}"
        self._prefix = f"{text[:8]}-{text[8:]}-"
        # The highest bit stays free, so that many steps fit before the millisecond overflows.
        self._tail = self._random(10) >> 7

    def _random(self, count: int) -> int:
        start = self._pool_used
        if start + count > _POOL_BYTES:
            self._pool = os.urandom(_POOL_BYTES)
            start = 0
        self._pool_used = start + count
        return int.from_bytes(self._pool[start : start + count], "big")

    def start_afresh(self) -> None:
        """Forget everything, as a forked child must."""
        self._lock = threading.Lock()
        self._pool = b""
        self._pool_used = _POOL_BYTES
        self._millisecond = 0
        self._prefix = ""
        self._tail = 0


_alive: "WeakSet[UuidV7Identifiers]" = WeakSet()


def _start_afresh_in_child() -> None:
    # A copy of the parent's pool would give both the same identifiers, and its lock may have been
    # held by a thread that does not exist in the child.
    for identifiers in _alive:
        identifiers.start_afresh()


os.register_at_fork(after_in_child=_start_afresh_in_child)
