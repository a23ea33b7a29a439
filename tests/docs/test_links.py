"""What the documentation names is there: pages, anchors, pictures, files and commands."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from app.cli.commands import door
from tests.docs.fences import ROOT, Fence, fences, pages

_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`(?P<text>[^`\n]+)`")
# The example of a new context names files that its reader copies.
_PLACES = (ROOT, ROOT / "docs" / "examples" / "lending")
_TOP = ("adapters", "app", "docs", "domain", "migrations", "ports", "scripts", "tests")
_STILL_TO_BE_MADE = ("ports/contracts/lending.py",)
_COMMANDS = ("./thicket", "docker", "cp")
# Its commands are typed by a test of its own.
_TYPED_ELSEWHERE = ROOT / "docs" / "backup.md"


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named_files(page: Path) -> list[str]:
    """Paths in backticks that begin with a top folder, without placeholders."""
    return [
        text
        for text in (match["text"] for match in _CODE.finditer(prose(page)))
        if re.fullmatch(rf"({'|'.join(_TOP)})(/[\w.-]+)+/?", text)
    ]


def typed_commands() -> list[tuple[Fence, str]]:
    return [
        (fence, line)
        for page in pages()
        if page != _TYPED_ELSEWHERE
        for fence in fences(page, "sh")
        for line in fence.text.splitlines()
        if line.strip()
    ]


@pytest.mark.parametrize("document", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for match in _LINK.finditer(prose(document)):
        target, _, anchor = match["target"].partition("#")
        if target.startswith(("http:", "https:")):
            continue
        leads_to = (document.parent / target).resolve() if target else document
        if not leads_to.exists() or (anchor and anchor not in anchors(leads_to)):
            broken.append(match["target"])

    assert broken == []


@pytest.mark.parametrize("document", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_is_there(document: Path) -> None:
    missing = [
        name
        for name in named_files(document)
        if name not in _STILL_TO_BE_MADE and not any((place / name).exists() for place in _PLACES)
    ]

    assert missing == []


def test_files_are_recognised_in_the_text() -> None:
    named = named_files(ROOT / "docs" / "architecture.md")

    assert "app/messaging/relaying.py" in named
    assert len(named) > 30


@pytest.mark.parametrize(
    ("fence", "line"), typed_commands(), ids=[line for _, line in typed_commands()]
)
def test_every_command_can_be_typed_like_that(fence: Fence, line: str) -> None:
    program, *arguments = shlex.split(line)

    assert program in _COMMANDS, f"{fence.place}: how is {program} checked?"
    if program == "./thicket":
        parse(door, arguments)
    elif program == "docker":
        assert scaled_services(arguments) <= set(
            yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
        )
    else:
        assert (ROOT / arguments[0]).exists()


def test_a_command_with_an_unknown_option_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse(door, ["up", "--no-such-option"])


def test_an_unknown_command_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        parse(door, ["fialed", "list"])


def parse(command: click.Command, arguments: list[str]) -> None:
    """Everything that click checks, without running the command.

    Raises:
        click.UsageError
    """
    context = click.Context(command, info_name="thicket")
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    command.make_context(context.info_name, arguments, parent=context.parent)


def scaled_services(arguments: list[str]) -> set[str]:
    return {
        arguments[index + 1].partition("=")[0]
        for index, argument in enumerate(arguments)
        if argument == "--scale"
    }
