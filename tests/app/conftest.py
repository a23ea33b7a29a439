import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.composition.migrations import migrate
from tests.app.deployment_site import DeploymentSite, settings_of


@pytest.fixture(scope="session")
def migrated_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty tables, made once: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(settings_of(folder))
    return folder


@pytest.fixture
def whole_site(migrated_files: Path, tmp_path: Path) -> Iterator[DeploymentSite]:
    """Customers' pages and the desk on empty SQLite files; nothing runs beside it."""
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    made = DeploymentSite(data)
    yield made
    made.close()
