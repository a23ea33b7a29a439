"""Tables of the documentation say what the code says."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import ModuleType

import pytest

from adapters.telemetry.prometheus import PrometheusMetrics, exposition
from app.composition.environment import read_settings, setting_names
from app.composition.settings import Settings
from bench.figures import FIGURES
from ports.inbound import aggregates, delivery, handlers, projections
from ports.inbound.delivery import RetryPolicy
from ports.outbound.channels import CAPABILITIES, ChannelDeclaration
from tests.docs.fences import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
EXTENDING = ROOT / "docs" / "extending.md"

_DECORATED_MODULES = (handlers, aggregates, projections, delivery)
_CODE = re.compile(r"`([^`]+)`")


def table(page: Path, first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column is headed so, without markup around the cells."""
    lines = iter(page.read_text().splitlines())
    for line in lines:
        if line.startswith(f"| {first_heading} |"):
            next(lines)  # the line below the heading
            return [list(_cells(row)) for row in _while_a_row(lines)]
    raise AssertionError(f"{page.name} has no table that begins with {first_heading!r}")


def test_every_setting_is_in_the_table_and_nothing_else(clean_environment: Path) -> None:
    named = [row[0].strip("`") for row in table(OPERATIONS, "Setting")]

    assert sorted(named) == sorted(setting_names())


@pytest.mark.parametrize("profile", ["embedded", "production"])
def test_defaults_in_the_table_are_those_of_the_product(
    profile: str, clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if profile == "production":
        monkeypatch.setenv("THICKET_PROFILE", profile)
        monkeypatch.setenv("THICKET_DATABASE_URL", "postgresql://thicket@127.0.0.1/thicket")
        monkeypatch.setenv("THICKET_BROKER_URL", "amqp://127.0.0.1")
        monkeypatch.setenv("THICKET_SECRET_KEY", "s" * 32)
        monkeypatch.setenv("THICKET_PUBLIC_URL", "https://desk.example")
    defaults = read_settings(data=clean_environment)

    wrong = {
        name: default
        for name, default in stated_defaults(profile)
        if settings_with(name, default, clean_environment, monkeypatch) != defaults
    }

    assert wrong == {}
    assert len(stated_defaults(profile)) > 25


def stated_defaults(profile: str) -> list[tuple[str, str]]:
    """Those that are values: ``8000``, or ``true`; in production `false``."""
    found = []
    for setting, default, *_ in table(OPERATIONS, "Setting"):
        if setting.strip("`") == "THICKET_PROFILE":
            continue
        values = re.fullmatch(r"`([^`]+)`(?:; in production `([^`]+)`)?", default)
        if values is not None:
            embedded, production = values.groups()
            chosen = production if production and profile == "production" else embedded
            found.append((setting.strip("`"), chosen))
    return found


def settings_with(name: str, value: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    with monkeypatch.context() as patch:
        patch.setenv(name, value)
        return read_settings(data=data)


@pytest.fixture
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No setting is set; answers a data folder."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return tmp_path


def test_every_decorator_and_option_is_in_the_table_with_its_default() -> None:
    assert documented_options() == declared_options()


def documented_options() -> list[tuple[str, str, str]]:
    found, decorator = [], ""
    for name, option, default, _ in table(EXTENDING, "Decorator"):
        decorator = name.strip("`@") or decorator
        found.append((decorator, option.strip("`"), default.strip("`")))
    return sorted(found)


def declared_options() -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for decorator in decorators():
        options = (
            [] if is_plain(decorator) else list(inspect.signature(decorator).parameters.values())
        )
        found += [(decorator.__name__, option.name, _default(option)) for option in options]
        if not options:
            found.append((decorator.__name__, "", ""))
    return sorted(found)


def decorators() -> list[Callable[..., object]]:
    return [
        function
        for module in _DECORATED_MODULES
        for function in vars(module).values()
        if inspect.isfunction(function) and _is_public(function, module)
    ]


def is_plain(decorator: Callable[..., object]) -> bool:
    """Used without brackets: it takes the function itself."""
    return list(inspect.signature(decorator).parameters) == ["function"]


def test_decorators_are_found_in_the_code() -> None:
    names = {decorator.__name__ for decorator in decorators()}

    assert {"command_handler", "asynchronous", "applies", "projection"} <= names


@pytest.mark.parametrize(("documented", "position"), [(RetryPolicy, 0), (ChannelDeclaration, 1)])
def test_the_fields_of_a_declaration_are_in_its_table(documented: type, position: int) -> None:
    text = EXTENDING.read_text()
    rows = _rows_after(text, f"\n`{documented.__name__}`:\n")

    assert [(row[0].strip("`"), row[1].strip("`")) for row in rows] == [
        (field.name, _field_default(field)) for field in dataclasses.fields(documented)
    ]


def test_what_each_kind_of_channel_can_do_is_in_its_table() -> None:
    rows = {
        _CODE.findall(row[0])[0]: [cell == "yes" for cell in row[2:]]
        for row in table(EXTENDING, "kind")
    }

    assert rows == {
        kind.value: [able.delay, able.priority, able.ttl, able.order]
        for kind, able in CAPABILITIES.items()
    }


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    metrics = PrometheusMetrics()
    metrics.delivery(context="c", channel="h", endpoint="e", outcome="done")
    metrics.handled(context="c", endpoint="e", seconds=0.1)
    metrics.relayed(context="c", channel="h", outcome="confirmed", count=1)
    metrics.request(method="GET", route="/", status=200, seconds=0.1)

    shown = exposition().decode()

    rows = table(OPERATIONS, "metric")
    kept = set(re.findall(r"^# TYPE (thicket_\w+)", shown, flags=re.MULTILINE))
    assert {row[0].strip("`") for row in rows} == {
        name for name in kept if not name.endswith("_created")
    }
    for name, labels, *_ in rows:
        wanted = re.sub(r"\([^)]*\)", "", labels).replace(" ", "").split(",")
        sample = re.search(rf"^{name.strip('`')}(?:_bucket)?{{([^}}]*)}}", shown, re.MULTILINE)
        assert sample is not None
        assert set(re.findall(r"(\w+)=", sample[1])) - {"le", "pid"} == set(wanted)


def test_every_figure_is_in_the_table_of_benchmarks() -> None:
    named = [row[0].strip("`") for row in table(BENCHMARKS, "figure")]

    assert named == [figure.name for figure in FIGURES]


def _while_a_row(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


def _cells(row: str) -> Iterator[str]:
    for cell in row.strip().strip("|").split("|"):
        yield cell.strip()


def _rows_after(text: str, mark: str) -> list[list[str]]:
    lines = iter(text[text.index(mark) + len(mark) :].lstrip("\n").splitlines()[2:])
    return [list(_cells(row)) for row in _while_a_row(lines)]


def _is_public(function: Callable[..., object], module: ModuleType) -> bool:
    return function.__module__ == module.__name__ and not function.__name__.startswith("_")


def _default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is inspect.Parameter.empty else repr(parameter.default)


def _field_default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        return "(Exception,)" if made == (Exception,) else f"{type(made).__name__}()"
    if field.default is dataclasses.MISSING:
        return ""
    value = field.default
    if isinstance(value, tuple):
        return f"({', '.join(item.__name__ for item in value)},)"
    return str(value) if isinstance(value, (timedelta, Enum)) else repr(value)
