import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from adapters.backoffice.tables import TICKET_NUMBERS, backoffice_metadata
from adapters.sql.migrating import downgrade, migrate
from tests.support.context_database import transaction


def test_the_migrations_make_exactly_the_tables_that_the_adapters_use(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or _is_ours(name)},
        )

        assert compare_metadata(context, backoffice_metadata) == []


def test_the_tables_can_be_taken_away_and_made_again(engine: sa.Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)

    downgrade("backoffice", url)
    gone = _tables(engine)
    migrate("backoffice", url)

    assert gone == set()
    assert "backoffice_ticket_list" in _tables(engine)


def test_rows_survive_the_way_to_the_numbers_of_issues_and_back(engine: sa.Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    downgrade("backoffice", url, "backoffice_0001")
    _add_waiting_ticket(engine)

    migrate("backoffice", url)
    there = _waiting_tickets(engine, "number, issue_number")
    downgrade("backoffice", url, "backoffice_0001")
    back = _waiting_tickets(engine, "number")
    migrate("backoffice", url)

    assert (there, back) == ([(1008, None)], [(1008,)])


def _add_waiting_ticket(engine: sa.Engine) -> None:
    with transaction(engine, commit=True) as connections:
        connections.current().exec_driver_sql(
            "INSERT INTO backoffice_unassigned_ticket (ticket_id, number, type, subject)"
            " VALUES ('t', 1008, 'task', 'Printer')"
        )


def _waiting_tickets(engine: sa.Engine, columns: str) -> list[tuple[int | None, ...]]:
    select = f"SELECT {columns} FROM backoffice_unassigned_ticket"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(select)]


def _is_ours(name: str | None) -> bool:
    return name is not None and name.startswith("backoffice_") and name != TICKET_NUMBERS


def _tables(engine: sa.Engine) -> set[str]:
    return {name for name in sa.inspect(engine).get_table_names() if name.startswith("backoffice_")}
