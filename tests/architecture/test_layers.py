"""The import contracts hold, and each is seen to fail when something forbidden is planted."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grimp
import pytest

from tests.architecture.sources import (
    PACKAGES,
    ROOT,
    copy_of_the_sources,
    lint_imports,
    plant,
    uproot,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """``source`` in a new module ``module`` breaks the contract ``contract`` by ``breach``."""

    contract: str
    module: str
    source: str
    breach: str

    def __str__(self) -> str:
        return f"{self.contract}: {self.breach}"


def forbidden_import(
    contract: str, module: str, target: str, *, source: str | None = None, seen_as: str = ""
) -> Plant:
    return Plant(
        contract=contract,
        module=module,
        source=source or f"import {target}\n",
        breach=f"{module} -> {seen_as or target}",
    )


INSIDE_A_FUNCTION = "def later() -> None:\n    import {target}\n"
FOR_TYPES_ONLY = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import {target}\n"

PLANTS = [
    forbidden_import("layers", "ports.outbound.planted", "domain.planted_target"),
    forbidden_import("layers", "domain.planted", "adapters.system.time"),
    forbidden_import("layers", "adapters.sql.planted", "app.messaging.runtime"),
    forbidden_import(
        "layers",
        "domain.backoffice.planted",
        "adapters.memory.time",
        source=INSIDE_A_FUNCTION.format(target="adapters.memory.time"),
    ),
    forbidden_import(
        "layers",
        "ports.planted",
        "app.messaging.runtime",
        source=FOR_TYPES_ONLY.format(target="app.messaging.runtime"),
    ),
    forbidden_import("inside-app", "app.messaging.planted", "app.web.formatting"),
    forbidden_import("inside-app", "app.web.planted", "app.identity.planted_target"),
    forbidden_import("inside-app", "app.identity.planted", "app.customer_service.planted_target"),
    forbidden_import("inside-app", "app.customer_service.planted", "app.backoffice.planted_target"),
    forbidden_import("inside-app", "app.backoffice.planted", "app.operations.planted_target"),
    forbidden_import("inside-app", "app.operations.planted", "app.composition.planted_target"),
    forbidden_import("inside-app", "app.testing.planted", "app.composition.planted_target"),
    Plant(
        contract="inside-app",
        module="app.unlisted.planted",
        source="",
        breach="app.unlisted",
    ),
    forbidden_import("inside-adapters", "adapters.sql.planted", "adapters.memory.time"),
    forbidden_import("inside-adapters", "adapters.celery_channels.planted", "adapters.sql_broker"),
    forbidden_import("inside-adapters", "adapters.serialization.planted", "adapters.system.time"),
    forbidden_import(
        "inside-adapters", "adapters.sql.planted", "adapters.backoffice.planted_target"
    ),
    forbidden_import(
        "inside-adapters",
        "adapters.customer_service.planted",
        "adapters.backoffice.planted_target",
    ),
    Plant(
        contract="inside-adapters",
        module="adapters.unlisted.planted",
        source="",
        breach="adapters.unlisted",
    ),
    forbidden_import("pure-engine", "app.messaging.planted", "domain.planted_target"),
    forbidden_import("pure-engine", "app.messaging.planted", "flask.json", seen_as="flask"),
    forbidden_import("pure-engine", "app.messaging.planted", "sqlalchemy"),
    forbidden_import("pure-engine", "app.messaging.planted", "celery"),
    forbidden_import(
        "pure-engine", "app.messaging.planted", "ports.customer_service.planted_target"
    ),
    forbidden_import("pure-engine", "app.messaging.planted", "ports.contracts.backoffice"),
    forbidden_import("pure-core", "domain.backoffice.ticket.planted", "sqlalchemy"),
    forbidden_import("pure-core", "ports.contracts.planted", "marshmallow"),
    forbidden_import(
        "customer_service-alone",
        "domain.customer_service.planted",
        "domain.backoffice.planted_target",
    ),
    forbidden_import(
        "customer_service-alone",
        "adapters.customer_service.planted",
        "ports.backoffice.planted_target",
    ),
    forbidden_import(
        "backoffice-alone", "app.backoffice.planted", "domain.customer_service.planted_target"
    ),
    forbidden_import(
        "backoffice-alone", "ports.backoffice.planted", "ports.customer_service.planted_target"
    ),
    forbidden_import(
        "pages-without-storage", "app.customer_service.planted", "adapters.sql.tables"
    ),
    forbidden_import("pages-without-storage", "app.operations.planted", "sqlalchemy"),
    forbidden_import("pages-without-storage", "app.web.planted", "adapters.memory.time"),
    forbidden_import("pages-without-storage", "app.identity.planted", "celery"),
    forbidden_import("technology-without-context", "adapters.sql.planted", "domain.planted_target"),
    forbidden_import(
        "technology-without-context", "adapters.memory.planted", "ports.backoffice.planted_target"
    ),
    forbidden_import(
        "technology-without-context", "adapters.telemetry.planted", "ports.contracts.backoffice"
    ),
]


@pytest.fixture(scope="module")
def copied_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def reports(copied_sources: Path) -> dict[Plant, str]:
    """What the check said to each plant. Plants of different contracts are checked together."""
    found: dict[Plant, str] = {}
    waiting = list(PLANTS)
    while waiting:
        together: list[Plant] = []
        for candidate in waiting:
            if not any(_disturb(candidate, other) for other in together):
                together.append(candidate)
        before = frozenset(copied_sources.rglob("*"))
        for planted in together:
            _plant(copied_sources, planted)
        output = lint_imports(where=copied_sources).output
        uproot(copied_sources, but=before)
        found |= dict.fromkeys(together, output)
        waiting = [planted for planted in waiting if planted not in found]
    return found


@pytest.fixture
def sources(copied_sources: Path) -> Iterator[Path]:
    """A copy of the product; what a test plants in it is gone after the test."""
    before = frozenset(copied_sources.rglob("*"))
    yield copied_sources
    uproot(copied_sources, but=before)


def test_every_import_contract_holds() -> None:
    ran = lint_imports(where=ROOT)

    assert ran.code == 0, ran.output


def test_a_copy_of_the_product_in_which_nothing_is_planted_holds_too(sources: Path) -> None:
    ran = lint_imports(where=sources)

    assert ran.code == 0, ran.output


@pytest.mark.parametrize("planted", PLANTS, ids=str)
def test_a_forbidden_import_breaks_its_contract(reports: dict[Plant, str], planted: Plant) -> None:
    name = _name(planted.contract)

    report = reports[planted]

    assert f"{name} BROKEN" in report
    assert planted.breach in _section(report, name)


def test_a_detour_breaks_a_contract_as_well(sources: Path) -> None:
    plant(sources, "domain.planted_detour", "import domain.backoffice.planted_target\n")
    plant(sources, "domain.backoffice.planted_target", "")
    plant(sources, "domain.customer_service.planted", "import domain.planted_detour\n")

    ran = lint_imports("--contract", "customer_service-alone", where=sources)

    assert ran.code == 1
    assert "domain.customer_service.planted -> domain.planted_detour" in ran.output


def test_contexts_may_meet_in_their_contracts(sources: Path) -> None:
    for layer in ("domain", "adapters"):
        plant(sources, f"{layer}.customer_service.planted", "import ports.contracts.backoffice\n")

    ran = lint_imports(where=sources)

    assert ran.code == 0, ran.output


def test_every_contract_is_seen_to_fail() -> None:
    planted = {plant.contract for plant in PLANTS}

    assert planted == {contract["id"] for contract in _contracts()}


def test_every_context_has_a_contract_that_keeps_it_from_the_others() -> None:
    contexts = {
        path.name for path in (ROOT / "domain").iterdir() if (path / "__init__.py").exists()
    }
    kept_apart = {
        (source.removeprefix("*."), forbidden.removeprefix("*."))
        for contract in _contracts()
        if contract["id"].endswith("-alone")
        for source in contract["source_modules"]
        for forbidden in contract["forbidden_modules"]
    }

    assert kept_apart == {(one, other) for one in contexts for other in contexts if one != other}


@pytest.mark.parametrize("package", ["ports", "domain", "app.messaging"])
def test_the_pure_packages_need_nothing_but_the_standard_library(package: str) -> None:
    graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)

    assert _foreign(graph, package) == set()


def test_a_foreign_package_in_a_pure_one_is_noticed() -> None:
    graph = grimp.ImportGraph()
    for module in ("ports", "ports.planted"):
        graph.add_module(module)
    for external in ("requests", "json"):
        graph.add_module(external, is_squashed=True)
        graph.add_import(importer="ports.planted", imported=external)

    assert _foreign(graph, "ports") == {"requests"}


def _plant(sources: Path, planted: Plant) -> None:
    target = planted.breach.partition(" -> ")[2]
    if target.endswith(".planted_target"):
        plant(sources, target, "", again=True)
    plant(sources, planted.module, planted.source)


def _disturb(one: Plant, other: Plant) -> bool:
    """Whether the report on one could be about the other."""
    return one.contract == other.contract or one.module == other.module


def _section(report: str, name: str) -> str:
    """What a report says about one broken contract: from its underlined name to the next one."""
    _, _, after = report.partition(f"\n{name}\n{'-' * len(name)}\n")
    return re.split(r"\n.+\n-{5,}\n", after)[0]


def _foreign(graph: grimp.ImportGraph, package: str) -> set[str]:
    modules = {package, *graph.find_descendants(package)}
    imported = {
        target.partition(".")[0]
        for module in modules
        for target in graph.find_modules_directly_imported_by(module)
    }
    return imported - set(PACKAGES) - sys.stdlib_module_names


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _name(identifier: str) -> str:
    (name,) = (contract["name"] for contract in _contracts() if contract["id"] == identifier)
    return str(name)
