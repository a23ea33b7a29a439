"""Every figure can be measured. How much it comes to is never asserted: a busy machine is no fault
of the product."""

import ast
import os
from pathlib import Path

import pytest

from bench.figures import FIGURES, Figure
from bench.rounds import Effort
from bench.servers import (
    POSTGRES_URL,
    RABBITMQ_URL,
    NoPlaceOfItsOwn,
    ServerIsMissing,
    postgresql_database,
    rabbitmq_host,
)

_BARELY = Effort(0.01)
_FLOORS = Path(__file__).parents[2] / "bench" / "floors"
_OURS = {"adapters", "app", "bench", "domain", "ports", "tests"}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("figure", FIGURES, ids=[figure.name for figure in FIGURES])
def test_a_figure_can_be_measured(figure: Figure) -> None:
    try:
        lines = figure.measured(_BARELY)
    except NoPlaceOfItsOwn as error:
        pytest.skip(str(error))
    except ServerIsMissing as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))

    assert lines
    assert {line.figure for line in lines} == {figure.name}
    assert all(line.load is not None for line in lines)
    assert all(line.ours > 0 for line in lines if figure.name != "projection-memory")
    assert all(line.floor is None or line.floor > 0 for line in lines)


def test_names_of_figures_are_unique() -> None:
    names = [figure.name for figure in FIGURES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("floor", sorted(_FLOORS.glob("*.py")), ids=lambda file: file.stem)
def test_a_floor_uses_nothing_of_ours(floor: Path) -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(floor.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", "." * node.level]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported & _OURS == set()
    assert len(floor.read_text().splitlines()) < 100


def test_a_server_that_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POSTGRES_URL, "postgresql://postgres@127.0.0.1:1/postgres")
    monkeypatch.setenv(RABBITMQ_URL, "amqp://guest:guest@127.0.0.1:1//")

    with pytest.raises(ServerIsMissing, match=POSTGRES_URL), postgresql_database():
        pass
    with pytest.raises(ServerIsMissing, match=RABBITMQ_URL), rabbitmq_host():
        pass
