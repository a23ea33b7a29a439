"""The run folder: where the processes of one ``./thicket up`` and those who talk to them meet."""

import configparser
import fcntl
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.composition.in_the_way import CannotRun
from app.composition.secret_files import private_folder

# The kernel takes 108 bytes for the name of a socket, the last of them zero.
_LONGEST_SOCKET_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAddress:
    """Where the supervisor answers, and the password that it asks for."""

    socket: str
    password: str


class RunFolder:
    def __init__(self, data: Path) -> None:
        self._data = data
        self.path = data / "run"

    @property
    def configuration(self) -> Path:
        return self.path / "supervisor.conf"

    @property
    def pid_file(self) -> Path:
        return self.path / "supervisor.pid"

    @property
    def socket(self) -> Path:
        """In the run folder, or where its name is too long for a socket, in one for this user alone
        among the temporary files."""
        nearby = self.path / "supervisor.sock"
        if len(os.fsencode(nearby)) <= _LONGEST_SOCKET_NAME:
            return nearby
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"thicket-{os.getuid()}-{digest}" / "supervisor.sock"

    def keep_port(self, port: int) -> None:
        (self.path / "port").write_text(f"{port}\n")

    def last_port(self) -> int | None:
        """On which the product ran last with this folder; None where it never did."""
        try:
            return int((self.path / "port").read_text())
        except (OSError, ValueError):
            return None

    def make(self) -> None:
        """Raises:
        CannotRun: the folder cannot be made, or its socket's belongs to somebody else.
        """
        for folder in (self._data, self.path, self.socket.parent):
            private_folder(folder)
        owner = self.socket.parent.lstat()
        if not stat.S_ISDIR(owner.st_mode) or owner.st_uid != os.getuid():
            raise CannotRun(f"{self.socket.parent} belongs to somebody else")
        if not os.access(self._data, os.W_OK):
            raise CannotRun(f"cannot write to the data folder {self._data}")

    def lock(self) -> int | None:
        """Hold the folder until this process ends, across a replacement of its program.

        None: another process holds it. The lock leaves with its holder, however that ends.
        """
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        os.set_inheritable(handle, True)
        return handle

    def is_held(self) -> bool:
        """Somebody runs on this data folder. Makes nothing.

        Raises:
            CannotRun: the folder is somebody else's.
        """
        try:
            if not (self.path / "lock").exists():
                return False
            handle = self.lock()
        except PermissionError as error:
            raise CannotRun(f"cannot write to the data folder {self._data}") from error
        if handle is None:
            return True
        os.close(handle)
        return False

    def control_address(self) -> ControlAddress | None:
        """As the running supervisor's own configuration has it; None: there never was one."""
        parser = configparser.RawConfigParser()
        if not parser.read(self.configuration):
            return None
        section = parser["unix_http_server"]
        return ControlAddress(socket=section["file"], password=section["password"])
