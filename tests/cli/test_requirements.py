import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
KINDS = ("runtime", "development")


def pins(kind: str) -> dict[str, str]:
    """Each pinned requirement with its hashes."""
    text = (REQUIREMENTS / f"{kind}.txt").read_text()
    blocks = re.findall(r"^([a-z0-9][^\s=]*)(==.*(?:\n +--hash.*)*)", text, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", rest) for name, rest in blocks}


@pytest.mark.parametrize("kind", KINDS)
def test_every_requirement_is_pinned_by_hash(kind: str) -> None:
    found = pins(kind)

    assert len(found) > 30
    assert [name for name, rest in found.items() if "--hash=sha256:" not in rest] == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_lock_file_holds_an_address(kind: str) -> None:
    text = (REQUIREMENTS / f"{kind}.txt").read_text()

    assert "://" not in text
    assert re.findall(r"^\s*-(?!-hash=)\S+", text, flags=re.MULTILINE) == []


def test_development_has_everything_that_running_needs_in_the_same_version() -> None:
    development = pins("development")

    assert {name: development.get(name) for name in pins("runtime")} == pins("runtime")


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_asked_for_is_locked(kind: str) -> None:
    asked = [
        re.split(r"[\[<>=~! ]", line)[0].lower()
        for line in (REQUIREMENTS / f"{kind}.in").read_text().splitlines()
        if line and not line.startswith(("#", "-"))
    ]

    assert [name for name in asked if name not in pins(kind)] == []
