"""A process that takes one message, says so, and then keeps it for ever."""

import sys
import threading

from tests.adapters.sql_broker.brokers import channel_to, get


def hold(url: str, queue: str, lease_seconds: str) -> None:
    with channel_to(url, lease_seconds=float(lease_seconds)) as channel:
        print(get(channel, queue).payload, flush=True)  # noqa: T201 - the parent waits for it
        threading.Event().wait()


if __name__ == "__main__":
    hold(*sys.argv[1:])
