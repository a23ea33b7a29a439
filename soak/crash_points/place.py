"""A database and a folder of mails that can be as they were at a moment before, and a broker."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, rmtree
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from soak.crash_points.mail_server import mail_server
from soak.crash_points.story import OPERATOR_PASSWORD
from soak.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]
_PREPARE_LIMIT_S = 120
_UNLIMITED = "1000000 per minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``settings`` are those of the product. Nobody is connected when a moment is kept; moments
    have numbers, and 0 is the one when the database was migrated and had an operator. Queues are
    empty at each of them, so of the broker there is nothing to keep."""

    settings: Mapping[str, str]
    admin: psycopg.Connection
    name: str
    folder: Path

    @property
    def database_url(self) -> str:
        return self.settings["THICKET_DATABASE_URL"]

    @property
    def mails(self) -> Path:
        """With one file for each."""
        return self.folder / "mails"

    def keep(self, moment: int) -> None:
        _copy(self.admin, self.name, f"{self.name}_{moment}")
        copytree(self.mails, self._mails_of(moment))

    def go_back(self, moment: int) -> None:
        """Whoever is connected is cut off."""
        _drop(self.admin, self.name)
        _copy(self.admin, f"{self.name}_{moment}", self.name)
        rmtree(self.mails)
        copytree(self._mails_of(moment), self.mails)

    def _mails_of(self, moment: int) -> Path:
        return self.folder / f"mails-{moment}"


@contextmanager
def place(*, admin_url: str, name: str, broker_url: str, folder: Path) -> Iterator[Place]:
    """``name`` is free for a database, and so is the same with an underscore and a number behind
    it; all are dropped at the end. ``folder`` is empty."""
    mails = folder / "mails"
    mails.mkdir()
    with (
        mail_server(mails, port=free_ports()) as smtp_url,
        psycopg.connect(admin_url, autocommit=True) as admin,
    ):
        settings = {
            "THICKET_DATABASE_URL": urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}")),
            "THICKET_BROKER_URL": broker_url,
            "THICKET_SMTP_URL": smtp_url,
            "THICKET_DATA": str(folder / "data"),
            "THICKET_OPERATOR_PASSWORD": OPERATOR_PASSWORD,
            "THICKET_DEMO_FAULT": "yes",
            "THICKET_LIMIT_REPORTS": _UNLIMITED,
            "THICKET_LIMIT_SIGN_INS": _UNLIMITED,
            "THICKET_LIMIT_MAILS": _UNLIMITED,
            "THICKET_LOG_LEVEL": "ERROR",
            # Nothing is promised for spans, and they take a fifth of the time.
            "OTEL_SDK_DISABLED": "true",
        }
        found = Place(settings=settings, admin=admin, name=name, folder=folder)
        try:
            _copy(admin, "template1", name)
            _prepare(settings)
            found.keep(0)
            yield found
        finally:
            for database in _all(admin, name):
                _drop(admin, database)


def product_environment() -> dict[str, str]:
    """Without settings of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THICKET_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def _prepare(settings: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-P", "-m", "app.composition", "prepare"],
        cwd=ROOT,
        env={**product_environment(), **settings},
        stdout=subprocess.DEVNULL,
        timeout=_PREPARE_LIMIT_S,
        check=True,
    )


def _copy(admin: psycopg.Connection, template: str, name: str) -> None:
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    # Processes are killed here, not the server: what was committed is there.
    admin.execute(
        sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
    )


def _drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _all(admin: psycopg.Connection, name: str) -> list[str]:
    rows = admin.execute(
        "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)",
        (name, f"{name}_"),
    )
    return [row[0] for row in rows]
