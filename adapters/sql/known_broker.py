"""The broker's file that a deployment knows, in the deployment's database."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import POSTGRESQL
from adapters.sql.operations_tables import known_broker


class SqlKnownBroker:
    def __init__(self, database: DeploymentDatabase, *, file: str) -> None:
        self._database = database
        self._file = file

    def recognise(self, name: str, starts: int, *, now: datetime) -> bool:
        """Whether this is the file that was known, or the first one at this place; an older copy
        has been started less often. ``starts`` counts the one just now. It is the known one from
        now on."""
        table = known_broker
        with self._database.writing() as connection:
            query = sa.select(table.c.name, table.c.starts).where(table.c.file == self._file)
            known = connection.execute(query).first()
            is_known = known is None or (known.name == name and known.starts < starts)
            values: dict[str, Any] = {"name": name, "starts": starts}
            if not is_known:
                values["lost_at"] = now
            dialect = postgresql if connection.dialect.name == POSTGRESQL else sqlite
            insert = dialect.insert(table).values(file=self._file, **values)
            connection.execute(insert.on_conflict_do_update(index_elements=["file"], set_=values))
        return is_known

    def lost_at(self) -> datetime | None:
        """When another file than the known one was found, at last."""
        query = sa.select(known_broker.c.lost_at).where(known_broker.c.file == self._file)
        with self._database.single() as connection:
            found: datetime | None = connection.execute(query).scalar()
        return found
