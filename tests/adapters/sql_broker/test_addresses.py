import os
import subprocess
import sys

import pytest
from kombu import Connection

from adapters.sql_broker.addresses import broker_address, database_url
from adapters.sql_broker.errors import BrokerMisconfigured
from adapters.sql_broker.registration import register
from tests.adapters.sql_broker.brokers import ROOT

WITH_PASSWORD = "sqlbroker+postgresql://desk:s3cret@db.example:5433/desk"


@pytest.mark.parametrize("slashes", ["///", "////"])
def test_the_path_of_a_file_is_absolute(slashes: str) -> None:
    url = database_url(f"sqlite:{slashes}data/broker.db")

    assert url.database == "/data/broker.db"
    assert broker_address(url) == "sqlbroker+sqlite:///data/broker.db"


@pytest.mark.parametrize(
    "address",
    ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "no address", "postgresql"],
)
def test_an_address_that_leads_to_no_broker_is_refused(address: str) -> None:
    with pytest.raises(BrokerMisconfigured):
        database_url(address)


def test_a_refused_address_is_not_repeated_with_its_password() -> None:
    with pytest.raises(BrokerMisconfigured) as caught:
        database_url("mysql://user:s3cret@host/name")

    assert "s3cret" not in str(caught.value)


def test_people_see_the_address_without_the_password() -> None:
    register()
    connection = Connection(WITH_PASSWORD)

    shown = [connection.as_uri(), repr(connection), str(connection.info()["hostname"])]

    assert [text for text in shown if "s3cret" in text] == []
    assert connection.as_uri() == "sqlbroker+postgresql://desk:***@db.example:5433/desk"


def test_a_copy_of_a_connection_still_knows_the_password() -> None:
    register()
    connection = Connection(WITH_PASSWORD)
    connection.info()

    copy = connection.clone()

    assert copy.as_uri(include_password=True) == WITH_PASSWORD


def test_registering_twice_is_harmless() -> None:
    register()
    register()

    assert Connection("sqlbroker+sqlite:///data/broker.db").transport.driver_type == "sqlbroker"


def test_registering_loads_no_database_code() -> None:
    program = (
        "import sys; from adapters.sql_broker.registration import register; register();"
        "print([name for name in ('sqlalchemy', 'sqlite3', 'psycopg') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"
