from dataclasses import replace
from pathlib import Path

import pytest

from adapters.sql.migrating import branches
from app.composition.environment import read_settings
from app.composition.migrations import NoSuchBranch, downgrade, migrate, plan, states
from app.composition.settings import Settings
from ports.errors import StoreUnavailable
from tests.composition.conftest import Given


@pytest.fixture
def settings(given: Given, tmp_path: Path) -> Settings:
    given()
    return read_settings(data=tmp_path / "data")


def test_every_branch_has_its_database(settings: Settings) -> None:
    assert plan(settings) == [
        (settings.database_url, "runtime"),
        (settings.database_url, "customer_service"),
        (settings.database_url, "backoffice"),
        (settings.monitoring_url, "monitoring"),
    ]


def test_the_runtime_is_in_every_store(settings: Settings) -> None:
    other = f"sqlite:///{settings.data}/other.db"

    steps = plan(replace(settings, context_database_urls={"backoffice": other}))

    assert [url for url, branch in steps if branch == "runtime"] == [settings.database_url, other]
    assert (other, "backoffice") in steps


def test_a_context_that_does_not_run_here_is_left_out(settings: Settings) -> None:
    steps = plan(replace(settings, contexts=("backoffice",)))

    assert "customer_service" not in [branch for _, branch in steps]


def test_the_broker_is_migrated_only_in_a_database_that_others_use(settings: Settings) -> None:
    on_server = replace(settings, broker_url="sqlbroker+postgresql://db.example/desk")

    assert plan(on_server)[-1] == ("postgresql://db.example/desk", "broker")
    assert {branch for _, branch in plan(on_server)} == set(branches())


def test_migrating_brings_everything_to_its_head(settings: Settings) -> None:
    before = states(settings)

    migrate(settings)
    after = states(settings)

    assert {state.revision for state in before} == {None}
    assert [state.revision for state in after] == [state.head for state in after]


def test_looking_makes_no_database(settings: Settings) -> None:
    states(settings)

    assert not settings.data.exists()


def test_one_branch_is_taken_back_alone(settings: Settings) -> None:
    migrate(settings)

    downgrade(settings, "backoffice", "base")

    found = {state.branch: state.revision for state in states(settings)}
    assert found["backoffice"] is None
    assert found["customer_service"] is not None


def test_a_branch_that_does_not_exist_is_named(settings: Settings) -> None:
    with pytest.raises(NoSuchBranch, match="no branch billing here; there are backoffice"):
        downgrade(settings, "billing", "base")


def test_a_database_that_does_not_answer_is_named_without_its_password(settings: Settings) -> None:
    away = replace(settings, database_url="postgresql+psycopg://desk:Pa55w0rd@127.0.0.1:1/desk")

    with pytest.raises(StoreUnavailable) as caught:
        migrate(away)

    assert "127.0.0.1:1/desk does not answer" in str(caught.value)
    assert "Pa55w0rd" not in str(caught.value)
    assert "\n" not in str(caught.value)
