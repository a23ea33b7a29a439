"""A console for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.operations.site import ConsoleSite, opened_site, prepared_database


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared_database(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def site(prepared: Path, tmp_path: Path) -> Iterator[ConsoleSite]:
    with opened_site(prepared, tmp_path) as site:
        yield site
