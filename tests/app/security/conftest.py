import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.composition.migrations import migrate
from tests.app.deployment_site import settings_of
from tests.app.security.furnished_site import FurnishedSite
from tests.app.security.snapshots import Snapshot, postgresql_snapshot, sqlite_snapshot
from tests.support.servers import fresh_postgres_database


@pytest.fixture(scope="session")
def data(migrated_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("furnished") / "data"
    shutil.copytree(migrated_files, data)
    return data


@pytest.fixture(scope="session")
def site(data: Path) -> Iterator[FurnishedSite]:
    """One for all tests, on SQLite files: whoever changes something uses ``before`` as well."""
    made = FurnishedSite(data)
    yield made
    made.close()


@pytest.fixture
def before(site: FurnishedSite, data: Path) -> Iterator[Snapshot]:
    """What there was before the test, and is again after it."""
    with sqlite_snapshot(data) as taken:
        yield taken


@pytest.fixture(scope="session")
def postgresql_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FurnishedSite]:
    with fresh_postgres_database() as url:
        data = tmp_path_factory.mktemp("furnished")
        settings = replace(settings_of(data), database_url=url, monitoring_url=url)
        migrate(settings)
        made = FurnishedSite(data, settings)
        yield made
        made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def every_site(request: pytest.FixtureRequest) -> Iterator[tuple[FurnishedSite, Snapshot]]:
    """On each database, with what there was before the test and is again after it."""
    if request.param == "sqlite":
        site, data = request.getfixturevalue("site"), request.getfixturevalue("data")
        with sqlite_snapshot(data) as taken:
            yield site, taken
    else:
        site = request.getfixturevalue("postgresql_site")
        with postgresql_snapshot(site.deployment.settings.database_url) as taken:
            yield site, taken
