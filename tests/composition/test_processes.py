import configparser
import os
import socket
import stat
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.composition.environment import read_settings
from app.composition.in_the_way import CannotRun
from app.composition.processes import (
    Listener,
    Program,
    listeners,
    programs,
    refuse_ports_in_use,
    supervisor_configuration,
    write_configuration,
)
from app.composition.run_folder import RunFolder
from tests.composition.conftest import Given


def a_program(
    name: str = "worker",
    *command: str,
    stop_limit: timedelta = timedelta(seconds=5),
    outlives_the_others: bool = False,
) -> Program:
    return Program(
        name=name,
        command=command or ("sleep", "1"),
        stop_limit=stop_limit,
        outlives_the_others=outlives_the_others,
    )


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def test_everything_embedded_is_six_processes(given: Given, tmp_path: Path) -> None:
    given()

    names = [program.name for program in programs(read_settings(data=tmp_path))]

    assert names == ["web", "worker", "relay", "beat", "flower", "mailcatcher"]


def test_a_mail_server_and_no_flower_leave_four(given: Given, tmp_path: Path) -> None:
    given(SMTP_URL="smtp://mail.example:25", FLOWER="no")

    settings = read_settings(data=tmp_path)

    assert [program.name for program in programs(settings)] == ["web", "worker", "relay", "beat"]
    assert [listener.port for listener in listeners(settings)] == [8000]


def test_every_port_that_is_opened_derives_from_one(given: Given, tmp_path: Path) -> None:
    given()

    ports = [listener.port for listener in listeners(read_settings(data=tmp_path, port=7000))]

    assert ports == [7000, 7001, 7002]


def test_a_port_in_use_is_named_before_anything_starts(given: Given, tmp_path: Path) -> None:
    given()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wanted = (Listener(what="Flower", host="127.0.0.1", port=port),)

        with pytest.raises(CannotRun) as caught:
            refuse_ports_in_use(wanted)

    assert str(caught.value) == (
        f"port {port} for Flower cannot be opened on 127.0.0.1: address already in use; "
        "choose another with --port"
    )


def test_an_address_that_is_not_of_this_machine_is_named() -> None:
    with pytest.raises(
        CannotRun, match=r"port 7000 for the pages cannot be opened on 192\.0\.2\.1"
    ):
        refuse_ports_in_use((Listener(what="the pages", host="192.0.2.1", port=7000),))


def test_free_ports_are_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    refuse_ports_in_use((Listener(what="the pages", host="127.0.0.1", port=port),))


def test_only_the_process_itself_is_asked_to_stop(tmp_path: Path) -> None:
    text = supervisor_configuration(
        [a_program(stop_limit=timedelta(seconds=250))],
        RunFolder(tmp_path),
        supervisor=4711,
        to_files=False,
    )

    section = parsed(text)["program:worker"]
    assert section["stopsignal"] == "TERM"
    assert section["stopasgroup"] == "false"
    assert section["killasgroup"] == "true"
    assert section["stopwaitsecs"] == "250"
    assert section["autorestart"] == "true"
    assert section["environment"] == 'THICKET_PROCESS="worker",THICKET_SUPERVISOR="4711"'


def test_who_outlives_the_others_stops_in_a_group_after_them(tmp_path: Path) -> None:
    chosen = [a_program("web"), a_program("mailcatcher", outlives_the_others=True)]

    parser = parsed(
        supervisor_configuration(chosen, RunFolder(tmp_path), supervisor=1, to_files=False)
    )

    assert parser["group:thicket"]["programs"] == "web"
    assert parser["group:outliving"]["programs"] == "mailcatcher"
    assert int(parser["group:thicket"]["priority"]) > int(parser["group:outliving"]["priority"])


def test_an_awkward_path_reaches_the_program_unharmed(tmp_path: Path) -> None:
    awkward = '/tmp/50% off; it\'s "here"'

    text = supervisor_configuration(
        [a_program("web", "ls", awkward)], RunFolder(tmp_path), supervisor=1, to_files=False
    )

    # As the supervisor reads it: percent signs expanded, then split like a shell would.
    import shlex

    assert shlex.split(parsed(text)["program:web"]["command"] % {}) == ["ls", awkward]


@pytest.mark.parametrize("path", ["/tmp/two\nlines", "/tmp/a #comment", "/tmp/a ;comment"])
def test_a_path_that_the_supervisor_would_cut_off_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(CannotRun, match="simpler path"):
        supervisor_configuration(
            [a_program("web", "ls", path)], RunFolder(tmp_path), supervisor=1, to_files=False
        )


def test_output_goes_to_files_where_it_cannot_be_shared(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)

    text = supervisor_configuration([a_program()], folder, supervisor=1, to_files=True)

    assert parsed(text)["program:worker"]["stdout_logfile"] == str(folder.path / "worker.log")


def test_nobody_else_may_read_the_supervisors_file(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "data")
    folder.make()
    os.chmod(folder.path, 0o755)

    file = write_configuration(folder, "[unix_http_server]\nfile = x\npassword = y\n")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_data_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "data")
    folder.make()

    first = folder.lock()
    second = folder.lock()

    assert first is not None
    assert second is None
    assert folder.is_held()
    os.close(first)
    assert not folder.is_held()


def test_a_data_folder_of_somebody_else_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    folder.make()
    (folder.path / "lock").touch()

    def refuse(*_: object) -> int:  # whoever runs the tests may be allowed everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(CannotRun, match=f"cannot write to the data folder {tmp_path}"):
        folder.is_held()


def test_a_deep_data_folder_has_its_socket_elsewhere_for_its_owner_alone(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / ("deep" * 20))

    folder.make()

    try:
        assert len(os.fsencode(folder.socket)) <= 100
        assert stat.S_IMODE(folder.socket.parent.stat().st_mode) == 0o700
    finally:
        folder.socket.parent.rmdir()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotRun, match=r"cannot make the folder .*data"):
        RunFolder(tmp_path / "file" / "data").make()


def test_the_programs_run_with_the_python_that_runs_now(given: Given, tmp_path: Path) -> None:
    given()

    commands = [program.command for program in programs(read_settings(data=tmp_path))]

    assert commands[0] == (sys.executable, "-P", "-m", "app.composition", "web")
