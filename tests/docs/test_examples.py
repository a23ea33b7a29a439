"""Every Python block of the documentation runs."""

import ast
import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.docs.fences import ROOT, Fence, fences, pages


def programs() -> list[Path]:
    return [page for page in pages() if program(page)]


def program(page: Path) -> str:
    """The page with everything but its own Python left blank, so that line numbers agree."""
    lines = [""] * (page.read_text().count("\n") + 1)
    for fence in fences(page, "python"):
        if fence.source is None:
            text = fence.text.splitlines()
            lines[fence.line - 1 : fence.line - 1 + len(text)] = text
    return "\n".join(lines) if any(lines) else ""


def examples() -> list[tuple[Path, str]]:
    return [
        (page, statement.name)
        for page in programs()
        for statement in ast.parse(program(page)).body
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test_")
    ]


def quotations() -> list[Fence]:
    return [
        fence for page in pages() for fence in fences(page, "python") if fence.source is not None
    ]


@cache
def ran(page: Path) -> ModuleType:
    """The program of a page as a module, run once."""
    name = f"tests.docs.page_{page.stem}"
    module = ModuleType(name)
    # Annotations are looked up in the module that a class names as its own.
    sys.modules[name] = module
    code = compile(program(page), str(page), "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return module


@pytest.mark.parametrize("document", programs(), ids=lambda page: page.stem)
def test_the_program_of_a_page_runs(document: Path) -> None:
    assert vars(ran(document))


@pytest.mark.parametrize(("document", "example"), examples())
def test_an_example_does_what_its_page_says(document: Path, example: str, tmp_path: Path) -> None:
    function: Callable[..., Any] = getattr(ran(document), example)
    wanted = {"tmp_path": tmp_path} if inspect.signature(function).parameters else {}

    function(**wanted)


@pytest.mark.parametrize("quotation", quotations(), ids=lambda fence: fence.place)
def test_a_quotation_stands_in_its_file(quotation: Fence) -> None:
    assert quotation.source is not None

    assert quotation.text in (ROOT / quotation.source).read_text()


def test_the_page_on_extending_has_examples() -> None:
    extending = ROOT / "docs" / "extending.md"

    assert len([page for page, _ in examples() if page == extending]) >= 10
