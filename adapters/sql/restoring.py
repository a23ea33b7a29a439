"""What a restored database needs before anything writes to it."""

import sqlalchemy as sa

from adapters.sql.engines import POSTGRESQL
from adapters.sql.failures import failure_of

_USED = (
    "SELECT COALESCE(MAX(at), 0) FROM (SELECT MAX(position) AS at FROM runtime_event "
    "UNION ALL SELECT MAX(position) FROM runtime_position) AS used"
)
_DRAWN = {
    True: "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM runtime_event_position_seq",
    # Absent until the first event is inserted.
    False: "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'runtime_event'), 0)",
}


def move_positions_on(engine: sa.Engine) -> int | None:
    """Let the next event get a position beyond every one that an event had or a reader has seen.

    Backups and replicas may carry rows without the counter that numbered them. Then events would
    be refused, or get positions that readers have passed already and never look at.

    Returns the last position that is taken now, if the counter had to be moved. Safe to repeat, and
    while others write.

    Raises:
        StoreUnavailable
    """
    on_postgresql = engine.dialect.name == POSTGRESQL
    try:
        with engine.connect() as connection:
            if not _is_behind(connection, on_postgresql):
                return None
            connection.exec_driver_sql("BEGIN" if on_postgresql else "BEGIN IMMEDIATE")
            try:
                used = _move(connection, on_postgresql)
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
    except sa.exc.DBAPIError as error:
        raise failure_of(error) from error
    return used


def _is_behind(connection: sa.Connection, on_postgresql: bool) -> bool:
    drawn = connection.exec_driver_sql(_DRAWN[on_postgresql]).scalar_one()
    return bool(drawn < connection.exec_driver_sql(_USED).scalar_one())


def _move(connection: sa.Connection, on_postgresql: bool) -> int | None:
    if on_postgresql:
        # Whoever appends has drawn before, and waits or is waited for.
        connection.exec_driver_sql("LOCK TABLE runtime_event IN SHARE ROW EXCLUSIVE MODE")
    if not _is_behind(connection, on_postgresql):
        return None
    used: int = connection.exec_driver_sql(_USED).scalar_one()
    if on_postgresql:
        connection.exec_driver_sql(f"SELECT setval('runtime_event_position_seq', {used})")
    else:
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'runtime_event'")
        connection.exec_driver_sql(
            f"INSERT INTO sqlite_sequence (name, seq) VALUES ('runtime_event', {used})"
        )
    return used
