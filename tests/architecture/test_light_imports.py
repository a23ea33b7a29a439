"""The core starts no framework: not in what it imports, and not in what that imports."""

import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, plant, python

_LOADED_BY = """
import importlib, pkgutil, sys

before = set(sys.modules)
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)
print("\\n".join(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize("package", ["ports", "domain", "app.messaging"])
def test_importing_the_core_loads_nothing_but_the_standard_library(package: str) -> None:
    assert _foreign(_loaded_by(package, where=ROOT)) == set()


def test_importing_the_core_loads_all_of_its_modules() -> None:
    loaded = _loaded_by("ports", "app.messaging", where=ROOT)

    assert {"ports.messages", "ports.outbound.transactions", "app.messaging.runtime"} <= loaded


@pytest.mark.parametrize("framework", ["flask", "sqlalchemy", "celery", "marshmallow", "msgspec"])
def test_a_framework_that_hides_from_the_import_contracts_is_noticed(
    tmp_path: Path, framework: str
) -> None:
    hidden = f"import importlib\n\nimportlib.import_module({framework!r})\n"
    plant(tmp_path, "ports.planted", hidden)

    assert framework in _foreign(_loaded_by("ports", where=tmp_path))


def test_packages_are_empty() -> None:
    """An import in a package's own file would be paid by everyone who imports a part of it."""
    filled = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if path.read_text().strip()
    ]

    assert filled == []


def _loaded_by(*packages: str, where: Path) -> set[str]:
    ran = python("-c", _LOADED_BY, *packages, where=where)
    assert ran.code == 0, ran.output
    return set(ran.output.split())


def _foreign(loaded: set[str]) -> set[str]:
    names = {name.partition(".")[0] for name in loaded}
    return names - set(PACKAGES) - sys.stdlib_module_names
