"""Pages that promise something name the test that shows each promise; each of them is there."""

from pathlib import Path

import pytest

from tests.docs.fences import ROOT
from tests.docs.proofs import claims, is_there, named_tests

PAGES = {
    "security": ROOT / "docs" / "security.md",
    "guarantees": ROOT / "docs" / "guarantees.md",
}

_TABLE = """\
| what | how | shown by |
|---|---|---|
| It is so. | Somehow. | `tests/a.py::test_it`, `tests/b.py::test_it` |
| It is said to be so. | Somehow. | |

| what | how long |
|---|---|
| it is | for ever |
"""


@pytest.mark.parametrize(
    ("file", "name"), named_tests("\n".join(page.read_text() for page in PAGES.values()))
)
def test_every_test_that_a_page_names_is_there(file: str, name: str) -> None:
    assert is_there(ROOT, file, name)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_claim_names_a_test(page: Path) -> None:
    claimed = claims(page.read_text())

    assert len(claimed) > 20
    assert [claim for claim in claimed if not named_tests(claim)] == []


def test_a_claim_without_a_test_is_noticed() -> None:
    shown, unshown = claims(_TABLE)

    assert named_tests(shown) == [("tests/a.py", "test_it"), ("tests/b.py", "test_it")]
    assert named_tests(unshown) == []


def test_a_test_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("class TestIt:\n    def test_it_all(self): ...\n")

    assert is_there(tmp_path, "test_it.py", "test_it_all")
    assert not is_there(tmp_path, "test_it.py", "test_it")
    assert not is_there(tmp_path, "test_that.py", "test_it_all")
