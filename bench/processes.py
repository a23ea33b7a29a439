"""Processes of the small context, each started for one figure.

python -m bench.processes ROLE CONTEXT DATABASE BROKER FILE
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from ports.messages import Delivery

ROOT = Path(__file__).resolve().parents[1]
_STOP_LIMIT_S = 30
# What the product has by default.
PREFETCH = 4
CONCURRENCY = 4
POOL = "threads"


@contextmanager
def running(*arguments: str, log: Path, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python process with these arguments; at the end it is asked to stop."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-P", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """The process and all that it started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_LIMIT_S)


def worker(context: str, database: str, broker_url: str, file: str) -> int:
    """``file``: where the handler notes its calls; empty: it writes a row instead."""
    from adapters.celery_channels.serving import HandlerProcess, Receivers
    from adapters.celery_channels.worker import Pool, build_worker, run_worker
    from adapters.serialization.envelopes import decode_delivery
    from adapters.sql.store import SqlStore
    from app.composition.collecting import spare_what_stays
    from bench.parcels import Shelves, Stamps, a_broker, runtime_with_broker

    broker = a_broker(context, broker_url)

    def opened() -> HandlerProcess:
        store = SqlStore(database, context)
        handler = Stamps(Path(file)) if file else Shelves(context, store.connections)
        consumer = runtime_with_broker(context, store, broker, [handler]).consumer

        def receive(delivery: Delivery, hand_overs: int) -> None:
            consumer.receive(delivery, hand_overs)

        receivers = Receivers(
            receive=receive,
            reject=consumer.reject,
            fail=consumer.give_up,
            storage_is_back=lambda: True,
        )
        process = HandlerProcess(receivers={context: receivers}, close=store.close)
        spare_what_stays()  # as the product's workers do
        return process

    application = build_worker(
        broker, decode=decode_delivery, open_process=opened, prefetch=PREFETCH
    )
    return run_worker(application, node=context, pool=Pool(POOL), concurrency=CONCURRENCY)


def relay(context: str, database: str, broker_url: str, file: str) -> int:
    from adapters.sql.store import SqlStore
    from app.composition.collecting import spare_what_stays
    from bench.parcels import Handlers, a_broker, runtime_with_broker

    asked_to_stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.set())
    store = SqlStore(database, context)
    runtime = runtime_with_broker(context, store, a_broker(context, broker_url), [Handlers()])
    spare_what_stays()
    runtime.relay().run(asked_to_stop)
    store.close()
    return 0


def projection(context: str, database: str, broker_url: str, file: str) -> int:
    """Prints by how many bytes the process grew while it read everything."""
    import resource

    from adapters.sql.store import SqlStore
    from bench.parcels import ShelfList, runtime_without_broker

    store = SqlStore(database, context)
    projections = runtime_without_broker(
        context, store, handlers=[ShelfList(context, store.connections)]
    ).projections
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while projections.run("bench_shelf"):
        pass
    store.close()
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
    return 0


_ROLES: Mapping[str, Callable[[str, str, str, str], int]] = {
    "worker": worker,
    "relay": relay,
    "projection": projection,
}

if __name__ == "__main__":
    role, *given = sys.argv[1:]
    sys.exit(_ROLES[role](*given))
