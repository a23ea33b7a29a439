"""How far each projection has read, and whether a runner was called for it."""

from typing import TYPE_CHECKING

from adapters.sql.executor import Row
from adapters.sql.statements import Kind, statement
from ports.outbound.positions import Position, ProjectionStatus

if TYPE_CHECKING:
    from adapters.sql.unit_of_work import SqlUnitOfWork

_KEY = {"context": Kind.TEXT, "tenant": Kind.TEXT, "projection": Kind.TEXT}
_IS_KEY = "context = :context AND tenant = :tenant AND projection = :projection"
_COLUMNS = {
    "position": Kind.INT,
    "status": Kind.TEXT,
    "error": Kind.TEXT,
    "rebuild_target": Kind.INT,
    "advanced_at": Kind.TIME,
}
_NAMES = ", ".join(_COLUMNS)

_FIND = statement(
    "SELECT runtime_position",
    f"SELECT projection, {_NAMES} FROM runtime_position WHERE {_IS_KEY}",
    parameters=_KEY,
    columns=[Kind.TEXT, *_COLUMNS.values()],
)
_LOCK = statement(
    "SELECT runtime_position",
    f"SELECT projection, {_NAMES} FROM runtime_position WHERE {_IS_KEY} FOR UPDATE",
    # The transaction is the file's only writer already.
    sqlite=f"SELECT projection, {_NAMES} FROM runtime_position WHERE {_IS_KEY}",
    parameters=_KEY,
    columns=[Kind.TEXT, *_COLUMNS.values()],
)
_MAKE = statement(
    "INSERT runtime_position",
    "INSERT INTO runtime_position (context, tenant, projection, position, status, error, "
    "rebuild_target) VALUES (:context, :tenant, :projection, 0, 'running', '', 0) "
    "ON CONFLICT (context, tenant, projection) DO NOTHING",
    parameters=_KEY,
)
SAVE_POSITION = statement(
    "INSERT runtime_position",
    f"INSERT INTO runtime_position (context, tenant, projection, {_NAMES}) "
    f"VALUES (:context, :tenant, :projection, {', '.join(f':{name}' for name in _COLUMNS)}) "
    "ON CONFLICT (context, tenant, projection) DO UPDATE SET "
    f"{', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}",
    parameters={**_KEY, **_COLUMNS},
)
_WAKE = statement(
    "INSERT runtime_wake_up",
    "INSERT INTO runtime_wake_up AS found (context, tenant, projection, woken_at) "
    "VALUES (:context, :tenant, :projection, {now}) "
    "ON CONFLICT (context, tenant, projection) DO UPDATE SET woken_at = excluded.woken_at "
    "WHERE found.woken_at <= {now + :seconds} RETURNING 1",
    parameters={**_KEY, "seconds": Kind.FLOAT},
    columns=[Kind.INT],
)
_AWAKE = statement(
    "DELETE runtime_wake_up",
    f"DELETE FROM runtime_wake_up WHERE {_IS_KEY}",
    parameters=_KEY,
)


class SqlPositions:
    __slots__ = ("_owner", "_unit")

    def __init__(self, unit: "SqlUnitOfWork") -> None:
        self._unit = unit
        self._owner = (unit.context, unit.tenant)

    def lock(self, projection: str) -> Position:
        unit = self._unit
        key = (*self._owner, projection)
        if unit.buffer.positions:
            unit.flush()
        rows = unit.write(_LOCK, key)
        if not rows:
            unit.write(_MAKE, key)
            rows = unit.write(_LOCK, key)
        return _position(rows[0])

    def find(self, projection: str) -> Position | None:
        if self._unit.buffer.positions:
            self._unit.flush()
        rows = self._unit.run(_FIND, (*self._owner, projection))
        return _position(rows[0]) if rows else None

    def save(self, position: Position) -> None:
        self._unit.check_open()
        self._unit.buffer.positions[position.projection] = position

    def wake(self, projection: str, *, lease_seconds: float) -> bool:
        return bool(self._unit.write(_WAKE, (*self._owner, projection, -lease_seconds)))

    def awake(self, projection: str) -> None:
        self._unit.write(_AWAKE, (*self._owner, projection))


def position_values(position: Position) -> Row:
    return (
        position.projection,
        position.position,
        position.status.value,
        position.error.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        position.rebuild_target,
        position.advanced_at,
    )


def _position(row: Row) -> Position:
    return Position(
        projection=row[0],
        position=row[1],
        status=ProjectionStatus(row[2]),
        error=row[3],
        rebuild_target=row[4],
        advanced_at=row[5],
    )
