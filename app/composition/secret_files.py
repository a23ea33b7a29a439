"""Secrets that the product makes for itself and keeps in the data folder."""

import os
import secrets
import tempfile
from pathlib import Path

from app.composition.in_the_way import CannotRun

_FOLDER_MODE = 0o700


def private_folder(folder: Path) -> Path:
    """Make the folder for its owner alone; one that is there stays as it is.

    Raises:
        CannotRun
    """
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRun(f"cannot make the folder {folder}: {error.strerror or error}") from error
    return folder


def kept_secret(file: Path, *, length: int) -> str:
    """The secret in the file (mode 0600), made at the first call, ``length`` characters at least.

    Processes that call it at the same time get the same secret, and one that is killed meanwhile
    leaves none or a whole one.

    Raises:
        CannotRun: the file cannot be made or read, or is empty.
    """
    private_folder(file.parent)
    try:
        if not file.exists():
            keep_secret(file, secrets.token_urlsafe(length))
        secret = file.read_text().strip()
    except OSError as error:
        raise CannotRun(f"cannot keep a secret in {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CannotRun(
            f"{file} is damaged; restore it, or delete it and a new secret is made"
        ) from error
    if not secret:
        raise CannotRun(f"{file} is empty; delete it, and a new secret is made")
    return secret


def keep_secret(file: Path, secret: str) -> bool:
    """Put the secret into a new file of mode 0600. False: the file was there and stays as it is."""
    # A temporary file has mode 0600; linking, unlike renaming, never replaces what is there.
    handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secret + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, file)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True
