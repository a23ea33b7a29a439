"""Branches of migrations: side by side in one database, by several processes, up and down."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from _pytest.fixtures import FixtureRequest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from adapters.sql.migrating import (
    branches,
    current_revision,
    downgrade,
    head_of,
    is_at_head,
    migrate,
)
from adapters.sql.restoring import move_positions_on
from adapters.sql.store import SqlStore
from adapters.sql.tables import runtime_metadata
from ports.errors import StoreUnavailable
from tests.adapters.sql.stores import engine_of

_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: FixtureRequest) -> str:
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    found: str = request.getfixturevalue(kind)
    return found


def test_an_empty_database_has_no_revision(url: str) -> None:
    assert current_revision("runtime", url) is None
    assert not is_at_head("runtime", url)


def test_migrating_brings_a_branch_to_its_head_and_again_changes_nothing(url: str) -> None:
    migrate("runtime", url)
    migrate("runtime", url)

    assert current_revision("runtime", url) == head_of("runtime")
    assert is_at_head("runtime", url)


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_make_the_tables_that_the_code_expects(url: str) -> None:
    migrate("runtime", url)

    def is_ours(name: str | None, kind: str) -> bool:
        # Alembic cannot compare an index on an expression; that it is used shows that it is right.
        return name != "runtime_event_log_index" and (
            kind != "table" or name in runtime_metadata.tables
        )

    with engine_of(url) as engine, engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _one, name, kind, *_: is_ours(name, kind),
                "compare_type": True,
            },
        )
        assert compare_metadata(context, runtime_metadata) == []


def test_all_branches_live_side_by_side_in_one_database(url: str) -> None:
    for branch in branches():
        migrate(branch, url)

    assert [branch for branch in branches() if not is_at_head(branch, url)] == []


def test_a_branch_is_taken_down_alone(url: str) -> None:
    for branch in branches():
        migrate(branch, url)
    before = _tables(url)

    downgrade("backoffice", url)

    assert current_revision("backoffice", url) is None
    others = [branch for branch in branches() if branch != "backoffice"]
    assert [branch for branch in others if not is_at_head(branch, url)] == []
    gone = before - _tables(url)
    assert gone
    assert all(name.startswith("backoffice_") for name in gone)


def test_the_runtime_can_be_taken_down_and_up_again(url: str) -> None:
    migrate("runtime", url)

    downgrade("runtime", url)

    assert _tables(url) == {"alembic_version"}
    migrate("runtime", url)
    assert is_at_head("runtime", url)


def test_processes_that_migrate_at_once_take_turns(url: str) -> None:
    command = "import sys; from adapters.sql.migrating import migrate; migrate(*sys.argv[1:])"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", command, "runtime", url], cwd=_ROOT, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]

    errors = [process.communicate(timeout=60)[1].decode() for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], errors
    assert is_at_head("runtime", url)


def test_a_revision_of_a_later_release_is_not_at_head(url: str) -> None:
    migrate("runtime", url)
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'runtime_9999'")

    assert current_revision("runtime", url) == "runtime_9999"
    assert not is_at_head("runtime", url)


def test_a_branch_that_is_not_there_is_said_plainly() -> None:
    with pytest.raises(LookupError, match="no branch 'nowhere'"):
        head_of("nowhere")


def test_asking_for_the_revision_does_not_make_a_file(sqlite_url: str, sqlite_path: Path) -> None:
    assert not is_at_head("runtime", sqlite_url)

    assert not sqlite_path.exists()


def test_a_server_that_is_not_there_makes_the_store_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        is_at_head("runtime", "postgresql://postgres@127.0.0.1:1/nowhere")


def test_a_fresh_store_has_no_faults(url: str) -> None:
    migrate("runtime", url)

    assert SqlStore(url, "post").verify() == []


def test_a_store_that_was_not_migrated_says_what_to_do(url: str) -> None:
    (fault,) = SqlStore(url, "post").verify()

    assert "revision none" in fault.problem
    assert "migrate" in fault.remedy


def test_a_sequence_that_hands_out_numbers_in_advance_is_a_fault(postgres_url: str) -> None:
    migrate("runtime", postgres_url)
    _execute(postgres_url, "ALTER SEQUENCE runtime_event_position_seq CACHE 20")

    (fault,) = SqlStore(postgres_url, "post").verify()

    assert "CACHE 20" in fault.problem
    _execute(postgres_url, "ALTER SEQUENCE runtime_event_position_seq CACHE 1 INCREMENT 1")
    assert SqlStore(postgres_url, "post").verify() == []


def test_a_sequence_behind_a_restored_log_is_a_fault_that_names_its_remedy(
    postgres_url: str,
) -> None:
    migrate("runtime", postgres_url)
    _execute(
        postgres_url,
        "INSERT INTO runtime_event SELECT 41, 'post', '', 's', 'a', 'i', 1, 'e', 'n', 1, 'c', '', "
        "'{}', 'c', NULL, 's', '', now()",
    )

    (fault,) = SqlStore(postgres_url, "post").verify()

    assert "position 41" in fault.problem
    with engine_of(postgres_url) as engine:
        assert move_positions_on(engine) == 41
    assert SqlStore(postgres_url, "post").verify() == []


def test_a_password_never_shows_in_a_fault(postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:geheim@")

    assert "geheim" not in str(SqlStore(url, "post").verify())


def _tables(url: str) -> set[str]:
    with engine_of(url) as engine:
        return set(sa.inspect(engine).get_table_names())


def _execute(url: str, statement: str) -> None:
    with engine_of(url) as engine, engine.connect() as connection:
        connection.exec_driver_sql(statement)
