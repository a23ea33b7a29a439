"""Ports of this machine that nobody uses."""

import os
import socket


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


_FIRST, _LAST = 20_000, 31_000  # below those that the system hands out itself
_given: set[int] = set()


def free_ports(how_many: int = 1) -> int:
    """The first of so many in a row. This process is never given the same ones twice."""
    span = range(_FIRST, _LAST - how_many, how_many)
    start = (os.getpid() * 7919) % len(span)
    for offset in range(len(span)):
        wanted = range(first := span[(start + offset) % len(span)], first + how_many)
        if _given.isdisjoint(wanted) and all(_is_free(port) for port in wanted):
            _given.update(wanted)
            return first
    raise OSError(f"no {how_many} free ports in a row between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
