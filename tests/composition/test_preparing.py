import stat
import sys
from pathlib import Path

import pytest

from adapters.memory.accounts import MemoryAccounts
from adapters.memory.time import VirtualClock
from adapters.passwords.argon2_passwords import Argon2Cost, Argon2Passwords
from app.composition.environment import load_settings
from app.composition.preparing import (
    make_first_operator,
    prepare,
    tell_generated_password,
)
from app.composition.settings import Settings
from ports.outbound.accounts import Role
from tests.composition.conftest import Given

PASSWORDS = Argon2Passwords(cost=Argon2Cost(passes=1, memory_kib=64, lanes=1))


@pytest.fixture
def settings(given: Given, tmp_path: Path) -> Settings:
    given(OPERATOR_EMAIL="ada@desk.example")
    return load_settings(data=tmp_path / "data")


@pytest.fixture
def accounts() -> MemoryAccounts:
    return MemoryAccounts(VirtualClock())


def signs_in(accounts: MemoryAccounts, email: str, password: str) -> bool:
    credentials = accounts.credentials(email)
    return credentials is not None and PASSWORDS.verify(password, credentials.password_hash)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: answer)


def test_the_first_operator_can_sign_in_with_what_the_terminal_showed(
    settings: Settings,
    accounts: MemoryAccounts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    on_a_terminal(monkeypatch, True)

    make_first_operator(settings, accounts, PASSWORDS)
    tell_generated_password(settings)

    first_line = capsys.readouterr().out.splitlines()[0]
    password = first_line.rsplit(" ", 1)[1]
    assert len(password) >= 12
    assert signs_in(accounts, "ada@desk.example", password)
    assert not settings.operator_password_file.exists()


def test_without_a_terminal_the_password_is_only_in_its_file(
    settings: Settings,
    accounts: MemoryAccounts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    on_a_terminal(monkeypatch, False)

    make_first_operator(settings, accounts, PASSWORDS)
    tell_generated_password(settings)

    file = settings.operator_password_file
    password = file.read_text().strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signs_in(accounts, "ada@desk.example", password)
    output = capsys.readouterr().out
    assert str(file) in output
    assert password not in output


def test_a_second_start_makes_no_second_operator(
    settings: Settings, accounts: MemoryAccounts
) -> None:
    make_first_operator(settings, accounts, PASSWORDS)
    password = settings.operator_password_file.read_text().strip()
    settings.operator_password_file.unlink()

    make_first_operator(settings, accounts, PASSWORDS)

    assert not settings.operator_password_file.exists()
    assert signs_in(accounts, "ada@desk.example", password)


def test_who_was_killed_before_telling_tells_at_the_next_start(
    settings: Settings,
    accounts: MemoryAccounts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    on_a_terminal(monkeypatch, True)
    make_first_operator(settings, accounts, PASSWORDS)

    make_first_operator(settings, accounts, PASSWORDS)
    tell_generated_password(settings)

    password = capsys.readouterr().out.splitlines()[0].rsplit(" ", 1)[1]
    assert signs_in(accounts, "ada@desk.example", password)


def test_an_operator_made_elsewhere_is_enough(settings: Settings, accounts: MemoryAccounts) -> None:
    accounts.open("bob", email="bob@desk.example", display_name="Bob", role=Role.OPERATOR)

    make_first_operator(settings, accounts, PASSWORDS)

    assert accounts.find_by_email("ada@desk.example") is None
    assert not settings.operator_password_file.exists()


def test_a_given_password_is_written_nowhere(
    given: Given, tmp_path: Path, accounts: MemoryAccounts
) -> None:
    given(OPERATOR_EMAIL="ada@desk.example", OPERATOR_PASSWORD="correct horse battery")
    settings = load_settings(data=tmp_path / "data")

    make_first_operator(settings, accounts, PASSWORDS)

    assert signs_in(accounts, "ada@desk.example", "correct horse battery")
    assert not settings.operator_password_file.exists()


def test_preparing_twice_changes_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    password = settings.operator_password_file.read_text()

    prepare(settings)

    assert settings.operator_password_file.read_text() == password
