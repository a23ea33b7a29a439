"""A database that is as at first again whenever it is asked to, and a broker."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from soak.crash_points.story import OPERATOR_PASSWORD

ROOT = Path(__file__).resolve().parents[2]
_PREPARE_LIMIT_S = 120
_UNLIMITED = "1000000 per minute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``settings`` are those of the product. ``template`` is a database that nobody uses, migrated
    and with an operator; ``name`` is one on the same server."""

    settings: Mapping[str, str]
    admin_url: str
    name: str
    template: str

    @property
    def sqlalchemy_url(self) -> str:
        return self.settings["THICKET_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:")

    def start_anew(self) -> None:
        """Whoever is connected is cut off. Messages that the broker still holds were handled: each
        run ends with empty queues."""
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            _drop(admin, self.name)
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(self.name), sql.Identifier(self.template)
                )
            )


@contextmanager
def place(
    *, admin_url: str, name: str, broker_url: str, smtp_url: str, data: Path
) -> Iterator[Place]:
    """``name`` is free for a database, and so is the same with ``_template`` behind it; both are
    dropped at the end."""
    template = f"{name}_template"
    settings = {
        "THICKET_DATABASE_URL": _with_name(admin_url, name),
        "THICKET_BROKER_URL": broker_url,
        "THICKET_SMTP_URL": smtp_url,
        "THICKET_DATA": str(data),
        "THICKET_OPERATOR_PASSWORD": OPERATOR_PASSWORD,
        "THICKET_DEMO_FAULT": "yes",
        "THICKET_LIMIT_REPORTS": _UNLIMITED,
        "THICKET_LIMIT_SIGN_INS": _UNLIMITED,
        "THICKET_LIMIT_MAILS": _UNLIMITED,
        "THICKET_LOG_LEVEL": "ERROR",
    }
    found = Place(settings=settings, admin_url=admin_url, name=name, template=template)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(template)))
        try:
            _prepare({**settings, "THICKET_DATABASE_URL": _with_name(admin_url, template)})
            yield found
        finally:
            _drop(admin, name)
            _drop(admin, template)


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


def _with_name(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
