import os
from collections.abc import Callable

import pytest

Given = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Set exactly these ``THICKET_*`` variables; names come without the prefix."""

    def set_only(**variables: str) -> None:
        for name in list(os.environ):
            if name.startswith("THICKET_"):
                monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(f"THICKET_{name}", value)

    set_only()
    return set_only
