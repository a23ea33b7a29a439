"""The product as its users meet it: started by its own command, reached over HTTP."""

import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from bench.lines import Line, Unit, at_most
from bench.product import Visitor, door, members, running_product
from bench.rounds import Effort, FigureFailed, wait_until
from bench.servers import postgresql_database, rabbitmq_host

_REPORTS = 60
_WARM_UP = 10
_REPORT_LIMIT_S = 30
_IDLE_S = 60
_CALM_S = 10  # after the start, before idling is measured
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LISTINGS = 9
_BETWEEN_REPORTS_S = 0.3

IsListed = Callable[[str], bool]


def report_on_servers(effort: Effort, folder: Path) -> list[Line]:
    with postgresql_database() as url, rabbitmq_host() as broker_url:
        settings = {"THICKET_DATABASE_URL": url, "THICKET_BROKER_URL": broker_url}
        with (
            running_product(folder / "servers", settings) as product,
            psycopg.connect(url, autocommit=True) as connection,
        ):

            def is_listed(subject: str) -> bool:
                query = "SELECT 1 FROM backoffice_ticket_list WHERE subject = %s"
                return connection.execute(query, (subject,)).fetchone() is not None

            seconds = _median_to_ticket(product.port, is_listed, effort)
    return [
        Line(
            figure="report",
            what="report over HTTP to ticket listed, PostgreSQL and RabbitMQ, median",
            ours=seconds * 1e3,
            unit=Unit.MILLISECONDS,
            wanted=at_most(100),
        )
    ]


def report_embedded(effort: Effort, folder: Path) -> list[Line]:
    with (
        running_product(folder / "embedded", {}) as product,
        _reading(product.data / "thicket.db") as connection,
    ):

        def is_listed(subject: str) -> bool:
            query = "SELECT 1 FROM backoffice_ticket_list WHERE subject = ?"
            return connection.execute(query, (subject,)).fetchone() is not None

        seconds = _median_to_ticket(product.port, is_listed, effort)
    return [
        Line(
            figure="report-embedded",
            what="report over HTTP to ticket listed, embedded, median",
            ours=seconds * 1e3,
            unit=Unit.MILLISECONDS,
            wanted=at_most(300),
        )
    ]


def idling(effort: Effort, folder: Path) -> list[Line]:
    """Of all processes of the product, the supervisor included."""
    with running_product(folder / "idle", {}) as product:
        time.sleep(effort.seconds(_CALM_S))
        before, began = _cpu_seconds(product.session), time.monotonic()
        time.sleep(effort.seconds(_IDLE_S))
        passed = time.monotonic() - began
        used = _cpu_seconds(product.session) - before
        megabytes = sum(_pss_bytes(process) for process in members(product.session)) / 1e6
    return [
        Line(
            figure="idle",
            what="embedded product that has nothing to do",
            ours=100 * used / passed,
            unit=Unit.PERCENT_OF_A_CORE,
            wanted=at_most(8),
        ),
        Line(
            figure="idle",
            what="memory (PSS) of all its processes",
            ours=megabytes,
            unit=Unit.MEGABYTES,
            wanted=at_most(900),
        ),
    ]


def listing(effort: Effort, folder: Path) -> list[Line]:
    def once() -> float:
        began = time.perf_counter()
        process = door(log=folder / "listing.log")
        if process.wait(60) != 0:
            raise FigureFailed((folder / "listing.log").read_text())
        return time.perf_counter() - began

    once()  # warms the file cache
    return [
        Line(
            figure="door",
            what="./thicket without arguments, median",
            ours=statistics.median(once() for _ in range(effort.count(_LISTINGS))),
            unit=Unit.SECONDS,
            wanted=at_most(0.5),
        )
    ]


def _median_to_ticket(port: int, is_listed: IsListed, effort: Effort) -> float:
    visitor = Visitor(port)

    def once(subject: str) -> float:
        form = visitor.open_form()
        began = time.perf_counter()
        visitor.report(form, subject)
        wait_until(
            lambda: is_listed(subject), limit_s=_REPORT_LIMIT_S, every_s=0.002, what="the ticket"
        )
        passed = time.perf_counter() - began
        time.sleep(_BETWEEN_REPORTS_S)
        return passed

    for number in range(effort.count(_WARM_UP)):
        once(f"Warm-up {number}")
    return statistics.median(
        once(f"Measured {number}") for number in range(effort.count(_REPORTS, least=3))
    )


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        yield connection


def _cpu_seconds(session: int) -> float:
    """Of its processes, and of those of their children that have ended."""
    ticks = 0
    for process in members(session):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS_PER_SECOND


def _pss_bytes(process: int) -> int:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
