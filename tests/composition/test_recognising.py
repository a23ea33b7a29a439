"""The broker's file is lost or replaced while nothing runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sql.deployment import DeploymentDatabase
from adapters.sql.engines import Limits, open_engine, store_url
from adapters.sql.store import SqlStore
from adapters.sql.waiting_deliveries import SqlWaitingDeliveries
from app.composition.environment import load_settings
from app.composition.in_the_way import CannotRun
from app.composition.migrations import migrate
from app.composition.recognising import known_broker, recognise_broker
from app.composition.settings import Settings
from tests.composition.conftest import Given
from tests.suites.builders import a_delivery

NOTIFICATIONS = "customer_service.notifications"
Start = Callable[[], str]


@pytest.fixture(params=["one store", "a store for each context"])
def settings(request: pytest.FixtureRequest, given: Given, tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    data.mkdir()
    if request.param == "one store":
        given()
    else:
        given(BACKOFFICE_DATABASE_URL=f"sqlite:///{data / 'backoffice.db'}")
    settings = load_settings(data=data)
    migrate(settings)
    return settings


@pytest.fixture
def database(settings: Settings) -> DeploymentDatabase:
    engine = open_engine(store_url(settings.database_url), Limits(), pooled=False)
    return DeploymentDatabase(lambda: engine)


@pytest.fixture
def start(
    settings: Settings, database: DeploymentDatabase, capsys: pytest.CaptureFixture[str]
) -> Start:
    def started() -> str:
        recognise_broker(settings, database)
        told = capsys.readouterr()
        return told.out + told.err

    return started


def replaced(settings: Settings, told: str, database: DeploymentDatabase) -> bool:
    """Whether that was noticed, and told as loudly as it deserves."""
    known = known_broker(settings, database)
    assert known is not None
    if not told:
        assert known.lost_at() is None
        return False
    assert known.lost_at() is not None
    assert told.startswith("WARNING") is not settings.one_store
    assert ("nothing is lost" in told) is settings.one_store
    return True


def test_the_file_of_the_last_start_is_known(
    settings: Settings, start: Start, database: DeploymentDatabase
) -> None:
    for _ in range(3):
        assert not replaced(settings, start(), database)


def test_a_file_that_was_lost_is_told_once(
    settings: Settings, start: Start, database: DeploymentDatabase
) -> None:
    start()
    (settings.data / "broker.db").unlink()

    assert replaced(settings, start(), database)
    assert start() == ""


def test_an_older_copy_is_not_the_known_file(
    settings: Settings, start: Start, database: DeploymentDatabase
) -> None:
    start()
    older = (settings.data / "broker.db").read_bytes()
    start()
    for file in settings.data.glob("broker.db*"):
        file.unlink()
    (settings.data / "broker.db").write_bytes(older)

    assert replaced(settings, start(), database)


def test_a_copy_of_the_last_stop_is_the_known_file(
    settings: Settings, start: Start, database: DeploymentDatabase
) -> None:
    start()
    copy = (settings.data / "broker.db").read_bytes()
    (settings.data / "broker.db").unlink()
    (settings.data / "broker.db").write_bytes(copy)

    assert not replaced(settings, start(), database)


def test_what_the_lost_file_was_given_leaves_again_where_it_is_still_there(
    settings: Settings, start: Start
) -> None:
    start()
    store = SqlStore(settings.database_url, "customer_service")
    waiting = SqlWaitingDeliveries(store)
    unit = store.begin()
    unit.messages.add(a_delivery(channel=NOTIFICATIONS))
    unit.commit()
    waiting.keep(waiting.claim([NOTIFICATIONS], limit=1, token="relay"))
    (settings.data / "broker.db").unlink()

    start()

    left = waiting.claim([NOTIFICATIONS], limit=1, token="relay")
    assert len(left) == (1 if settings.one_store else 0)
    store.close()


def test_a_broker_that_is_no_file_is_not_asked(given: Given, tmp_path: Path) -> None:
    given(BROKER_URL="amqp://guest:guest@127.0.0.1:1//")
    settings = load_settings(data=tmp_path)
    database = DeploymentDatabase(lambda: pytest.fail("nothing is to be asked"))

    recognise_broker(settings, database)


def test_a_damaged_file_is_said_in_one_line_and_left_alone(
    settings: Settings, start: Start
) -> None:
    broker = settings.data / "broker.db"
    broker.write_bytes(b"no database at all, " * 50)

    with pytest.raises(CannotRun, match=r"broker\.db cannot be used"):
        start()

    assert broker.read_bytes().startswith(b"no database at all")
