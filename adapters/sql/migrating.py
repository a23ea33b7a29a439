"""Alembic, driven from the program: one branch of revisions for the runtime and one per context.

Several branches may share a database; one row per branch in ``alembic_version`` tells how far each
has come. Alembic is imported when first needed: pages and workers never do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from adapters.sql.engines import POSTGRESQL, SQLITE, Limits, open_engine, store_url
from adapters.sql.failures import failure_of
from ports.errors import Refusal

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

RUNTIME = "runtime"

_SETTINGS = Path(__file__).resolve().parents[2] / "pyproject.toml"

# Held for the length of a migration. Negative, so that it can never meet a fence of the event log.
_ADVISORY_KEY = -0x7468_6963_6B65_7401

# Others may migrate for that long before we give up waiting; a lock on a table that pages use is
# waited for only briefly, because everybody queues behind the one that waits.
_TURN_TIMEOUT_S = 600
_TABLE_LOCK_TIMEOUT_S = 30

# Alembic keeps its state in module globals: one migration at a time in a process.
_one_at_a_time = threading.Lock()


class DatabaseIsNewer(Refusal):
    """A later release migrated it; this one knows neither what changed nor how to take it back."""

    def __init__(self, url: sa.URL, revision: str) -> None:
        super().__init__(
            f"the database {url.render_as_string()} is at {revision}, which a later release "
            "brought: run that release, or restore a backup from before it"
        )
        self.revision = revision


class NoSuchRevision(Refusal):
    def __init__(self, branch: str, revision: str, reason: str) -> None:
        super().__init__(f"{branch} cannot be taken back to {revision}: {reason}")


def migrate(branch: str, url: str, revision: str = "head") -> None:
    """Bring one branch to its head. Safe when several processes do it at once: they take turns, and
    the later find nothing to do. All or nothing.

    Raises:
        DatabaseIsNewer
    """
    from alembic import command

    with _migrating(url) as configuration:
        command.upgrade(configuration, f"{branch}@{revision}")


def downgrade(branch: str, url: str, revision: str = "base") -> None:
    """Take one branch back; the others stay as they are. Its tables and their rows are gone.

    Raises:
        DatabaseIsNewer, NoSuchRevision
    """
    from alembic import command
    from alembic.util import CommandError

    with _migrating(url) as configuration:
        try:
            command.downgrade(configuration, f"{branch}@{revision}")
        except CommandError as error:
            raise NoSuchRevision(branch, revision, str(error)) from error


def current_revision(branch: str, url: str) -> str | None:
    """Where one branch of this database stands; None: nothing of it is there.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    parsed = store_url(url)
    if parsed.get_backend_name() == SQLITE and not Path(parsed.database or "").exists():
        return None  # connecting would make the file
    engine = open_engine(parsed, Limits(), pooled=False)
    with engine.connect() as connection:
        return revision_of(branch, connection)


def is_at_head(branch: str, url: str) -> bool:
    """Raises:
    StoreUnavailable: the database does not answer.
    """
    try:
        return current_revision(branch, url) == head_of(branch)
    except sa.exc.DBAPIError as error:
        raise failure_of(error) from error


def revision_of(branch: str, connection: sa.Connection) -> str | None:
    """The same for a connection that is open already."""
    known = _revisions()
    for version in _versions(connection):
        # A revision of a later release is unknown here; its name still tells its branch.
        if known.get(version) == branch or (
            version not in known and version.startswith(f"{branch}_")
        ):
            return version
    return None


def refuse_newer(url: str) -> None:
    """Raises:
    DatabaseIsNewer
    sqlalchemy.exc.OperationalError: the database does not answer.
    """
    with open_engine(store_url(url), Limits(), pooled=False).connect() as connection:
        _refuse_newer(connection)


def _refuse_newer(connection: sa.Connection) -> None:
    for version in _versions(connection):
        if version not in _revisions():
            raise DatabaseIsNewer(connection.engine.url, version)


def _versions(connection: sa.Connection) -> Sequence[str]:
    if not sa.inspect(connection).has_table("alembic_version"):
        return ()
    return connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()


@cache
def head_of(branch: str) -> str:
    """The revision that this release needs.

    Raises:
        LookupError: there is no such branch.
    """
    revision = next((head for head in _scripts().get_heads() if _revisions()[head] == branch), None)
    if revision is None:
        raise LookupError(f"migrations/versions has no branch {branch!r}")
    return revision


@cache
def branches() -> Sequence[str]:
    """The branches of this release: the runtime's, one per context, and what else has tables."""
    return tuple(sorted({branch for branch in _revisions().values() if branch}))


@cache
def _revisions() -> dict[str, str]:
    """Revision to branch."""
    return {
        script.revision: next(iter(sorted(script.branch_labels)), "")
        for script in _scripts().walk_revisions()
    }


def _configuration() -> Config:
    from alembic.config import Config

    return Config(toml_file=str(_SETTINGS))


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_configuration())


@contextmanager
def _migrating(url: str) -> Iterator[Config]:
    engine = open_engine(store_url(url), Limits(), pooled=False)
    alone = _alone_on_postgresql if engine.dialect.name == POSTGRESQL else _alone_on_sqlite
    with _one_at_a_time, engine.connect() as connection, alone(connection):
        _refuse_newer(connection)
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        yield configuration


@contextmanager
def _alone_on_postgresql(connection: sa.Connection) -> Iterator[None]:
    run = connection.exec_driver_sql
    run(f"SET lock_timeout = '{_TURN_TIMEOUT_S}s'")
    run("SET statement_timeout = 0")
    run(f"SELECT pg_advisory_lock({_ADVISORY_KEY})")
    run(f"SET lock_timeout = '{_TABLE_LOCK_TIMEOUT_S}s'")
    run("BEGIN")
    # Closing the connection ends the transaction and gives the lock back, whatever happened.
    yield
    run("COMMIT")


@contextmanager
def _alone_on_sqlite(connection: sa.Connection) -> Iterator[None]:
    run = connection.exec_driver_sql
    run(f"PRAGMA busy_timeout = {_TURN_TIMEOUT_S * 1000}")
    # Altering a table means copying it under a new name; references are checked afterwards.
    run("PRAGMA foreign_keys = OFF")
    run("BEGIN IMMEDIATE")
    yield
    broken = run("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise sa.exc.IntegrityError(
            "migration", None, ValueError(f"rows of {broken[0]} would refer to nothing")
        )
    run("COMMIT")
