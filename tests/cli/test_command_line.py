import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import click
import pytest

from app.cli.commands import ENTRIES, door
from app.cli.testing import CHECKS
from app.composition import command_line
from app.composition.command_line import main
from app.composition.run_folder import RunFolder
from app.composition.running import PROCESS
from app.composition.secret_files import keep_secret
from ports.errors import CannotStart, Fault, NoSuchFailedMessage, StoreUnavailable


@pytest.fixture(autouse=True)
def no_settings_of_a_developer() -> Iterator[None]:
    """Nor does any stay that a command made, as it may in a process that it has for itself."""
    with patch.dict(os.environ):
        for name in list(os.environ):
            if name.startswith("THICKET_"):
                del os.environ[name]
        yield


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error; nothing else was printed."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_without_arguments_every_command_is_listed_with_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main([])

    listed = {
        words[0]: words[1]
        for line in capsys.readouterr().out.splitlines()
        if len(words := line.split(maxsplit=1)) == 2 and words[0] in ENTRIES
    }
    assert status == 0
    assert set(listed) == set(ENTRIES)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in listed.values())


@pytest.mark.parametrize("name", list(ENTRIES))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main([name, "--help"])

    assert status == 0
    assert capsys.readouterr().out.startswith(f"Usage: thicket {name}")


def test_an_unknown_command_is_one_line_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main(["statsu"])

    assert status == 2
    assert complaint(capsys) == (
        "thicket: there is no command 'statsu' (did you mean status?); ./thicket --help tells more"
    )


def test_looking_at_data_that_was_never_made_says_so_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["failed", "list", "--data", str(tmp_path / "data")])

    assert status == 2
    assert "start with ./thicket up" in complaint(capsys)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("group", ["failed", "projection", "channel", "dedup", "operator"])
def test_a_group_without_its_command_is_one_line(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([group])

    assert status == 2
    assert complaint(capsys) == (
        f"thicket: a command is missing; ./thicket {group} --help lists them"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--prot", "7000"],
        ["up", "--port", "seven"],
        ["up", "--port", "0"],
        ["up", "--port", "-1"],
        ["up", "--port", "65534"],
        ["up", "--port", "70000"],
        ["up", "--data", ""],
        ["up", "--data", "/dev/null"],
        ["up", "--data", "/dev/null/below"],
        ["up", "--data", "/proc/nowhere"],
        ["web", "--data", "/proc/nowhere"],
        ["worker", "--data", "/dev/null/below"],
        ["migrate", "--data", "/dev/null/below"],
        ["migrate", "--to", "base"],
        ["migrate", "--status", "--down", "runtime"],
        ["migrate", "--down", "runtime"],
        ["failed", "replay-all"],
        ["failed", "list", "--limit", "0"],
        ["projection", "rebuild", "unassigned_tickets"],
        ["operator", "add"],
        ["operator", "add", "nobody"],
        ["soak", "--minutes", "nan"],
        ["soak", "--rate", "nan"],
        ["soak", "--crash-points", "16", "--minutes", "1"],
        ["soak", "--crash-points", "16", "--rate", "20"],
        ["failed", "delete", "f-1", "--reason", "x" * 1_001],
        ["projection", "pause", "ticket_list", "--reason", "x" * 1_001],
        ["up", "now"],
        ["restart"],
        ["migrate", "--down"],
        ["--verbose"],
    ],
)
def test_what_cannot_be_understood_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert complaint(capsys).startswith("thicket: ")


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """A data folder of this release in which nothing has happened."""
    assert main(["prepare", "--data", str(tmp_path)]) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["failed", "show", "f-1"], "f-1"),
        (["failed", "replay", "f-1"], "f-1"),
        (["failed", "delete", "f-1", "--reason", "x"], "f-1"),
        (["failed", "restore", "f-1"], "f-1"),
        (["projection", "rebuild", "nope", "--reason", "x"], "nope"),
        (["channel", "run", "nope"], "nope"),
        (["migrate", "--down", "nope", "--yes"], "nope"),
        (["migrate", "--down", "runtime", "--to", "nope", "--yes"], "nope"),
        (["operator", "reset-password", "nobody@x.example"], "nobody@x.example"),
        (["operator", "add", "operator@thicket.example"], "operator@thicket.example"),
        (["restart", "web"], "nothing runs"),
    ],
)
def test_what_is_not_there_is_one_line_that_names_it(
    migrated: Path, arguments: list[str], names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert main([*arguments, "--data", str(migrated)]) == 2
    assert names in complaint(capsys)


def _set_revision(data: Path, revision: str) -> None:
    with closing(sqlite3.connect(data / "thicket.db")) as database:
        database.execute(
            "UPDATE alembic_version SET version_num = ? WHERE version_num LIKE 'runtime_%'",
            [revision],
        )
        database.commit()


WORKS_ON_DATA = [
    ["failed", "list"],
    ["failed", "show", "f-1"],
    ["channel", "list"],
    ["projection", "list"],
    ["dedup", "purge"],
    ["operator", "reset-password", "operator@thicket.example"],
]


@pytest.mark.parametrize("arguments", WORKS_ON_DATA)
def test_a_database_that_was_not_migrated_is_one_line(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thicket.db").touch()

    assert main([*arguments, "--data", str(tmp_path)]) == 2
    assert "run ./thicket migrate first" in complaint(capsys)


@pytest.mark.parametrize(
    "arguments",
    [*WORKS_ON_DATA, ["migrate"], ["prepare"], ["migrate", "--down", "backoffice", "--yes"]],
)
def test_a_database_of_a_later_release_is_one_line_and_left_alone(
    migrated: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _set_revision(migrated, "runtime_9999")
    capsys.readouterr()

    assert main([*arguments, "--data", str(migrated)]) == 2
    assert "is at runtime_9999, which a later release brought" in complaint(capsys)


def test_a_wrong_setting_is_one_line_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THICKET_BROKER_URL", "carrier-pigeon://loft")

    status = main(["up", "--data", str(tmp_path / "data")])

    assert status == 2
    assert complaint(capsys).startswith("thicket: wrong setting: THICKET_BROKER_URL: ")
    assert not (tmp_path / "data").exists()


def test_a_port_in_use_is_one_line_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        status = main(["up", "--port", str(port - 1), "--data", str(tmp_path / "data")])

    assert status == 2
    assert f"port {port} for Flower cannot be opened" in complaint(capsys)
    assert os.listdir(tmp_path) == []


def test_a_second_up_on_the_same_data_is_one_line_that_does_not_blame_its_ports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path)
    folder.make()
    held = folder.lock()
    assert held is not None
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        status = main(["up", "--port", str(port), "--data", str(tmp_path)])

    os.close(held)
    assert status == 2
    assert complaint(capsys) == f"thicket: Thicket already runs on the data folder {tmp_path}"


def test_the_status_of_nothing_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "nothing runs on this data folder\n"


def test_the_status_of_nothing_is_an_empty_list_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--json", "--data", str(tmp_path)]) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_stopping_nothing_is_fine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing runs on this data folder\n"


def test_restarting_nothing_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restart", "web", "--data", str(tmp_path)]) == 2
    assert "nothing runs on the data folder" in complaint(capsys)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchFailedMessage("m1"), 2),
        (CannotStart([Fault(where="here", problem="it is wrong", remedy="Mend it")]), 2),
        (StoreUnavailable("the database does not answer"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_an_error_becomes_an_exit_status(
    error: BaseException,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(command_line.door, "main", fail)

    assert main(["status"]) == status
    assert "Traceback" not in capsys.readouterr().err


def test_the_checks_are_those_that_are_promised() -> None:
    assert [check.name for check in CHECKS] == ["format", "style", "types", "layers", "templates"]


def test_the_commands_are_named_like_what_runs_them() -> None:
    from app.composition.running import _MAINS

    assert set(_MAINS) <= set(ENTRIES)
    assert PROCESS.startswith("THICKET_")
    assert isinstance(door, click.Group)


def test_a_secret_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    assert keep_secret(tmp_path / "secret", "first")
    assert not keep_secret(tmp_path / "secret", "second")
    assert (tmp_path / "secret").read_text() == "first\n"
    assert os.listdir(tmp_path) == ["secret"]


def test_a_link_leads_to_the_port_on_which_the_product_ran_last(
    migrated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(migrated)
    folder.make()
    folder.keep_port(8642)

    assert main(["operator", "add", "olga@desk.example", "--data", str(migrated)]) == 0

    assert capsys.readouterr().out.startswith("http://127.0.0.1:8642/invitation/")
