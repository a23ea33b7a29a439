"""Makes the virtual environment from the hash-pinned requirements.

Run by ``./thicket`` with the Python of the machine, by path and with nothing installed, so it may
import the standard library only.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_KINDS = ("runtime", "development")  # each includes those before it
_WILL_DO = "import pip, sys; sys.exit(sys.version_info < (3, 11))"


class Environment:
    """A virtual environment with a copy of each lock file that is installed in it.

    The copies are compared byte by byte; a mark says that an installation began and did not end.
    """

    def __init__(self, root: Path, venv: Path) -> None:
        self._venv = venv
        self._python = venv / "bin" / "python"
        self._locks = {kind: root / "requirements" / f"{kind}.txt" for kind in _KINDS}
        self._stamps = venv / ".thicket"
        self._unfinished = self._stamps / "unfinished"

    def has(self, kind: str) -> bool:
        return (
            self._stamp(kind) == self._locks[kind].read_bytes()
            and not self._unfinished.exists()
            and self._works()
        )

    def install(self, kind: str) -> None:
        """Install or update. What a killed installation left behind is thrown away first.

        Raises:
            subprocess.CalledProcessError: a step failed; the next start begins anew.
        """
        if self._stamp("development"):
            kind = "development"  # never back and forth between the two
        if self._unfinished.exists() or not self._works():
            _say(f"making {self._venv.name} with Python {sys.version.split()[0]}; takes a minute")
            self._make()
        else:
            _say(f"updating {self._venv.name}")
        self._stamps.mkdir(exist_ok=True)
        self._unfinished.touch()
        for installed in _KINDS:
            (self._stamps / f"{installed}.txt").unlink(missing_ok=True)
        self._pip(self._locks[kind])
        for installed in _KINDS[: _KINDS.index(kind) + 1]:
            shutil.copyfile(self._locks[installed], self._stamps / f"{installed}.txt")
        self._unfinished.unlink()

    def _make(self) -> None:
        subprocess.run(
            [sys.executable, "-I", "-m", "venv", "--clear", str(self._venv)],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _works(self) -> bool:
        try:
            asked = subprocess.run(
                [str(self._python), "-I", "-c", _WILL_DO], capture_output=True, check=False
            )
        except OSError:
            return False
        return asked.returncode == 0

    def _pip(self, lock: Path) -> None:
        command = [str(self._python), "-I", "-m", "pip", "install", "-qq", "--no-input"]
        command += ["--disable-pip-version-check", "--root-user-action=ignore"]
        # The lock is complete, so nothing needs to be resolved.
        command += ["--no-deps", "--require-hashes", "-r", str(lock)]
        subprocess.run(command, check=True, env={**os.environ, "PIP_USER": "0"})

    def _stamp(self, kind: str) -> bytes:
        try:
            return (self._stamps / f"{kind}.txt").read_bytes()
        except FileNotFoundError:
            return b""


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Wait while another process installs; the lock ends with its holder, however that ends."""
    folder = root / ".thicket"
    folder.mkdir(exist_ok=True)
    with (folder / "installing.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another installation to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"thicket: {text}", file=sys.stderr, flush=True)


def main(root: Path, venv: Path, kind: str) -> int:
    environment = Environment(root, venv)
    try:
        with _alone(root):
            if not environment.has(kind):
                environment.install(kind)
    except subprocess.CalledProcessError as error:
        _say(f"could not install the requirements ({error.cmd[3]} failed); the reason is above")
        return 1
    except OSError as error:
        _say(f"could not make the virtual environment: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the next start begins anew")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
