"""How values travel to the databases and back."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

import adapters.sql
from adapters.sql.columns import Timestamp, id_text, timestamp_from_text, timestamp_to_text
from adapters.sql.engines import store_url
from adapters.sql.records import CompiledMapping
from adapters.sql.rows import delivery_from_json, delivery_to_json
from adapters.sql.sqlite import SqliteExecutor
from adapters.sql.statements import Kind, Statement, statement
from adapters.sql.store import SqlStore
from adapters.sql.wire_format import DECODERS, ENCODERS
from tests.adapters.sql.stores import CRATES
from tests.suites.builders import a_full_delivery

_MOMENT = datetime(2026, 1, 5, 9, 0, 0, 120, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.TEXT, "Żaneta"),
        (Kind.TEXT, ""),
        (Kind.INT, -(2**63)),
        (Kind.INT, 2**63 - 1),
        (Kind.FLOAT, 0.25),
        (Kind.BOOL, True),
        (Kind.BOOL, False),
        (Kind.BYTES, b"\x00\xff"),
        (Kind.TIME, _MOMENT),
        (Kind.TIME, datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (Kind.TIME, datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_values_come_back_from_the_wire_as_they_were(kind: Kind, value: object) -> None:
    assert DECODERS[kind](ENCODERS[kind](value)) == value


def test_integers_of_every_width_are_read() -> None:
    decode = DECODERS[Kind.INT]

    assert [decode(b"\xff\xfe"), decode(b"\x00\x00\x00\x05")] == [-2, 5]


def test_timestamps_as_text_have_one_width_and_sort_as_time_does() -> None:
    moments = [
        datetime(1, 2, 3, tzinfo=UTC),
        _MOMENT,
        _MOMENT + timedelta(microseconds=1),
        datetime(2026, 1, 5, 9, 1, tzinfo=UTC),
    ]

    texts = [timestamp_to_text(moment) for moment in moments]

    assert texts == sorted(texts)
    assert {len(text) for text in texts} == {26}
    assert [timestamp_from_text(text) for text in texts] == moments


def test_timestamps_of_other_zones_are_stored_in_utc() -> None:
    there = datetime(2026, 1, 5, 11, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp_to_text(there) == "2026-01-05 09:00:00.000000"


def test_a_naive_timestamp_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Timestamp().process_bind_param(_MOMENT.replace(tzinfo=None), sqlite.dialect())


def test_a_statement_numbers_its_parameters_and_asks_the_clock_of_its_database() -> None:
    made = statement(
        "UPDATE thing",
        "UPDATE thing SET at = {now}, until = {now + :seconds} "
        "WHERE id = ANY(:ids) AND a::text = :a",
        parameters={"a": Kind.TEXT, "ids": Kind.INTS, "seconds": Kind.FLOAT},
    )

    assert made.postgresql == (
        "UPDATE thing SET at = statement_timestamp(), "
        "until = statement_timestamp() + make_interval(secs => $3) "
        "WHERE id = ANY($2) AND a::text = $1"
    )


def test_sqlite_gets_plain_marks_and_the_order_of_their_values() -> None:
    made = statement(
        "UPDATE thing",
        "UPDATE thing SET until = {now + :seconds}, b = :a "
        "WHERE at < {now} AND id = ANY(:ids) AND a = :a",
        parameters={"a": Kind.TEXT, "ids": Kind.INTS, "seconds": Kind.FLOAT},
    )

    assert made.sqlite == (
        "UPDATE thing SET until = strftime('%Y-%m-%d %H:%M:%f000', 'now', "
        "printf('%+.3f seconds', ?)), b = ? "
        "WHERE at < strftime('%Y-%m-%d %H:%M:%f000', 'now') "
        "AND id IN (SELECT value FROM json_each(?)) AND a = ?"
    )
    assert made.sqlite_order == (2, 0, 1, 0)


def test_every_statement_of_the_store_gives_each_mark_its_value() -> None:
    made = [
        value
        for module in iter_modules(adapters.sql.__path__, "adapters.sql.")
        for value in vars(import_module(module.name)).values()
        if isinstance(value, Statement)
    ]
    crates = CompiledMapping(CRATES, sqlite.dialect())
    made += [crates.find, crates.insert, crates.update]

    assert len(made) > 40
    assert [one.sqlite for one in made if re.search(r"\?\w", one.sqlite)] == []
    assert [one.sqlite for one in made if one.sqlite.count("?") != len(one.sqlite_order)] == []


def test_values_are_converted_once_and_set_where_their_marks_stand(sqlite_path: Path) -> None:
    asked = statement(
        "SELECT",
        "SELECT :at, :other, :at, {now + :seconds} > '2000', 2 = ANY(:ids), :other",
        parameters={
            "unused": Kind.TEXT,
            "ids": Kind.INTS,
            "other": Kind.TEXT,
            "at": Kind.TIME,
            "seconds": Kind.FLOAT,
        },
        columns=[Kind.TIME, Kind.TEXT, Kind.TIME, Kind.BOOL, Kind.BOOL, Kind.TEXT],
    )

    with closing(sqlite3.connect(sqlite_path)) as connection:
        rows = SqliteExecutor(connection).run(asked, ("never", [1, 2], "b", _MOMENT, 1.0))

    assert rows == [(_MOMENT, "b", _MOMENT, True, True, "b")]


def test_the_same_text_has_the_same_name_in_every_process() -> None:
    one = statement("SELECT", "SELECT :a", parameters={"a": Kind.TEXT})
    same = statement("SELECT", "SELECT :b", parameters={"b": Kind.TEXT})
    other = statement("SELECT", "SELECT :a, 1", parameters={"a": Kind.TEXT})

    assert one.name == same.name
    assert one.name != other.name


def test_a_failed_delivery_of_an_earlier_release_can_be_read() -> None:
    delivery = replace(a_full_delivery(), first_attempt=1)
    text = delivery_to_json(delivery).replace('"first_attempt": 1, ', "")
    assert "first_attempt" not in text

    assert delivery_from_json(text, delivery.envelope.payload) == delivery


@pytest.mark.parametrize(
    "url", ["mysql://root@localhost/thicket", "sqlite://", "sqlite:///:memory:"]
)
def test_a_database_that_is_none_of_ours_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"postgresql|needs a file"):
        store_url(url)


def test_a_name_with_a_colon_is_refused_because_it_parts_names_in_an_index() -> None:
    with pytest.raises(ValueError, match="colon"):
        SqlStore("sqlite:////tmp/never-made.db", "post:office")


def test_text_ids_compare_byte_by_byte_on_postgresql(postgres_url: str) -> None:

    table = sa.Table("t", sa.MetaData(), sa.Column("id", id_text()))
    engine = sa.create_engine(store_url(postgres_url))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"id": "b"}, {"id": "A"}, {"id": "a"}, {"id": "B"}])
        found = connection.execute(sa.select(table.c.id).order_by(table.c.id)).scalars().all()
    engine.dispose()

    assert found == ["A", "B", "a", "b"]
