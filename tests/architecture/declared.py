"""The message classes that the contexts have, and how their handlers use them."""

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ports.inbound.aggregates import Applies
from ports.inbound.declaring import marks_of
from ports.inbound.handlers import CommandHandler, EventHandler
from tests.architecture.sources import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One class in the place where a handler takes it."""

    message: type
    handler: str


def contexts() -> list[str]:
    return sorted(
        path.name for path in (ROOT / "domain").iterdir() if (path / "__init__.py").exists()
    )


def message_classes() -> list[type]:
    """All classes of the contexts' ``messages`` modules and of the contracts, but enumerations."""
    modules = [module for module in _modules("domain") if module.__name__.endswith(".messages")]
    modules += [importlib.import_module(f"ports.contracts.{name}") for name in contexts()]
    return [
        found
        for module in modules
        for found in _classes_of(module)
        if hasattr(found, "__dataclass_fields__")
    ]


def handled_commands() -> list[Handled]:
    return list(_handled(_handling_classes(), (CommandHandler,)))


def handled_events() -> list[Handled]:
    return list(_handled(_handling_classes(), (EventHandler, Applies)))


def _handling_classes() -> Iterator[type]:
    packages = ["domain", *(f"adapters.{name}" for name in contexts())]
    for package in packages:
        for module in _modules(package):
            yield from _classes_of(module)


def _handled(classes: Iterable[type], kinds: tuple[type, ...]) -> Iterator[Handled]:
    for cls in classes:
        for attribute in vars(cls).values():
            function = getattr(attribute, "__func__", attribute)
            if not inspect.isfunction(function):
                continue
            if any(marks_of(function, kind) for kind in kinds):
                label = f"{cls.__name__}.{function.__name__}"
                for message in _payload_classes(function):
                    yield Handled(message=message, handler=label)


def _payload_classes(function: Any) -> tuple[type, ...]:
    parameters = [name for name in inspect.signature(function).parameters if name != "self"]
    hints = typing.get_type_hints(function)
    payload = hints[next(name for name in parameters if name != "cls")]
    if typing.get_origin(payload) in (typing.Union, types.UnionType):
        return typing.get_args(payload)
    return (payload,)


def _modules(package: str) -> Iterator[types.ModuleType]:
    root = importlib.import_module(package)
    yield root
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        yield importlib.import_module(module.name)


def _classes_of(module: types.ModuleType) -> Iterator[type]:
    for found in vars(module).values():
        if isinstance(found, type) and found.__module__ == module.__name__:
            yield found
