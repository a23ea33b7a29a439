"""A projection that catches up with a long log, beside executemany."""

import time
from contextlib import closing
from pathlib import Path

import psycopg

from adapters.sql.migrating import migrate
from adapters.sql.store import SqlStore
from bench.floors import projection
from bench.lines import Line, Unit, at_most, ratio_at_least
from bench.parcels import SHELF, ShelfList, runtime_without_broker
from bench.processes import running
from bench.rounds import Effort, FigureFailed, interleaved
from bench.servers import postgresql_database

_ROUNDS = 7
_EVENTS = 10_000
_MANY_EVENTS = 100_000
_PAGE = 500  # what a projection reads at once by default
_LIMIT_S = 300

_FILL = """INSERT INTO runtime_event (context, tenant, stream, aggregate, aggregate_id, version,
event_id, name, revision, content_type, payload, headers, correlation_id, source, trace, sent_at)
SELECT %(context)s, '', 'parcel', 'parcel', 'parcel-' || number / 4, number %% 4 + 1,
'event-' || number, 'bench.parcel_was_moved', 1, 'application/json',
convert_to(json_build_object('parcel_id', 'parcel-' || number, 'to', repeat('x', 160),
'moved_at', '2026-01-02T03:04:05+00:00')::text, 'UTF8'), '{}', 'event-' || number, 'ours', '', now()
FROM generate_series(0, %(events)s - 1) AS number"""


def catching_up(effort: Effort, _folder: Path) -> list[Line]:
    events = effort.count(_EVENTS, least=50)
    with postgresql_database() as url:
        migrate("runtime", url)
        with (
            psycopg.connect(url, autocommit=True) as connection,
            closing(SqlStore(url, "ours")) as store,
            closing(projection.Floor(url, "ours")) as floor,
        ):
            connection.execute(SHELF)
            connection.execute(_FILL, {"context": "ours", "events": events})
            connection.execute("VACUUM ANALYZE")
            projections = runtime_without_broker(
                "ours", store, handlers=[ShelfList("ours", store.connections)]
            ).projections

            def ours(_: int) -> float:
                projections.rebuild("bench_shelf")
                began = time.perf_counter()
                while projections.run("bench_shelf"):
                    pass
                return events / (time.perf_counter() - began)

            def by_hand(_: int) -> float:
                connection.execute("DELETE FROM bench_shelf WHERE owner = 'floor'")
                began = time.perf_counter()
                floor.catch_up(page=_PAGE)
                return events / (time.perf_counter() - began)

            found = interleaved({"ours": ours, "floor": by_hand}, rounds=effort.count(_ROUNDS))
    return [
        Line(
            figure="projection",
            what="projection that catches up, one row an event",
            ours=found["ours"],
            floor=found["floor"],
            unit=Unit.PER_SECOND,
            wanted=ratio_at_least(0.4),
        )
    ]


def memory(effort: Effort, folder: Path) -> list[Line]:
    few, many = effort.count(_EVENTS, least=50), effort.count(_MANY_EVENTS, least=500)
    with postgresql_database() as url:
        migrate("runtime", url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SHELF)
            for context, events in (("few", few), ("many", many)):
                connection.execute(_FILL, {"context": context, "events": events})
        grown = {context: _growth(context, url, folder) for context in ("few", "many")}
    return [
        Line(
            figure="projection-memory",
            what=f"growth of a process that projects {many:,} events, beyond that of {few:,}",
            ours=max(0.0, grown["many"] - grown["few"]),
            unit=Unit.MEGABYTES,
            wanted=at_most(16),
        )
    ]


def _growth(context: str, url: str, folder: Path) -> float:
    log = folder / f"{context}.log"
    with running("-m", "bench.processes", "projection", context, url, "", "", log=log) as process:
        if process.wait(_LIMIT_S) != 0:
            raise FigureFailed(log.read_text())
    return int(log.read_text().split()[-1]) / 1e6
