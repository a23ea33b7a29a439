"""How long after a commit the handler is called, while nothing else is going on."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from bench.lines import Line, Unit, at_most
from bench.parcels import Handlers, a_broker, mover, runtime_with_broker
from bench.processes import running
from bench.rounds import Effort, percentile, wait_until
from bench.servers import postgresql_database, rabbitmq_host

_SAMPLES = 300
_WARM_UP = 20
_IDLE_S = (0.08, 0.25)  # between two samples
_LIMIT_S = 60


def on_servers(effort: Effort, folder: Path) -> list[Line]:
    with postgresql_database() as url, rabbitmq_host() as broker_url:
        waits = _waits(url, broker_url, effort, folder)
    return [
        _line("wake-up", "commit to handler, idle, PostgreSQL and RabbitMQ, median", waits, 50),
        _line("wake-up", "the same, 99th percentile", waits, 99, bound=25),
    ]


def embedded(effort: Effort, folder: Path) -> list[Line]:
    url, broker_url = (
        f"sqlite:///{folder / 'own.db'}",
        f"sqlbroker+sqlite:///{folder / 'hub.db'}",
    )
    waits = _waits(url, broker_url, effort, folder)
    return [
        _line("wake-up-embedded", "commit to handler, idle, embedded, median", waits, 50),
        _line("wake-up-embedded", "the same, 99th percentile", waits, 99),
    ]


def _line(
    figure: str, what: str, waits: list[float], percent: float, *, bound: float | None = None
) -> Line:
    return Line(
        figure=figure,
        what=what,
        ours=percentile(waits, percent),
        unit=Unit.MILLISECONDS,
        wanted=None if bound is None else at_most(bound),
    )


def _waits(url: str, broker_url: str, effort: Effort, folder: Path) -> list[float]:
    """In milliseconds."""
    migrate("runtime", url)
    called = folder / "called"
    called.touch()
    with (
        closing(SqlStore(url, "ours")) as store,
        _processes(url, broker_url, called, folder),
    ):
        runtime = runtime_with_broker("ours", store, a_broker("ours", broker_url), [Handlers()])
        move = mover(runtime)
        move("first")
        wait_until(lambda: _called(called), limit_s=_LIMIT_S, what="both processes to be up")
        for number in range(effort.count(_WARM_UP)):
            move(f"warm-up-{number}")
            time.sleep(_IDLE_S[0])
        committed: dict[str, int] = {}
        for number in range(effort.count(_SAMPLES, least=5)):
            time.sleep(random.uniform(*_IDLE_S))
            key = f"sample-{number}"
            move(key)
            committed[key] = time.monotonic_ns()
        wait_until(
            lambda: committed.keys() <= _called(called).keys(), limit_s=_LIMIT_S, what="the handler"
        )
    moments = _called(called)
    # A handler may be called before the commit has returned to who asked for it.
    return [max(0, moments[key] - moment) / 1e6 for key, moment in committed.items()]


@contextmanager
def _processes(url: str, broker_url: str, called: Path, folder: Path) -> Iterator[None]:
    with ExitStack() as running_ones:
        for role in ("worker", "relay"):
            arguments = ("-m", "bench.processes", role, "ours", url, broker_url, str(called))
            running_ones.enter_context(running(*arguments, log=folder / f"{role}.log"))
        yield


def _called(file: Path) -> dict[str, int]:
    """Parcel to moment, of whole lines."""
    lines = file.read_text().split("\n")[:-1]
    return {key: int(moment) for key, moment in (line.split() for line in lines)}
