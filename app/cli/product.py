"""What the commands ask of the product; ``app.composition.command_line`` hands it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    # Most commands need no runtime, and the list of commands must appear at once.
    from app.messaging.runtime import Runtime
    from ports.outbound.accounts import Accounts
    from ports.outbound.audit import AuditLog
    from ports.outbound.time import Clock, Identifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    name: str
    state: str  # the supervisor's word: running, starting, backoff, fatal, exited, stopped
    pid: int | None
    seconds: int | None  # since it was started; None: it does not run
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchState:
    """How far one branch of migrations is in one database."""

    store: str  # without a password
    branch: str
    revision: str | None  # None: nothing of it is there
    head: str


class Supervised(Protocol):
    """The processes that ``up`` started on one data folder."""

    def is_running(self) -> bool: ...

    def processes(self) -> Sequence[ProcessState]: ...

    def restart(self, name: str) -> None: ...

    def stop(self, *, limit_s: float) -> None: ...


class Deployment(Protocol):
    """The product in this process, without pages and workers."""

    @property
    def runtimes(self) -> Mapping[str, Runtime]:
        """By context."""

    @property
    def audit(self) -> AuditLog: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def identifiers(self) -> Identifiers: ...

    def password_reset_link(self, email: str) -> str:
        """Works once, and is mailed to nobody."""

    def add_operator(self, account_id: str, *, email: str, display_name: str) -> str:
        """Make the account; the answer is a link for choosing its password.

        Raises:
            EmailIsTaken
        """

    def forget_deliveries(self, *, limit: int) -> int:
        """Those that were done longer ago than is kept; at most so many in each context."""


class Product(Protocol):
    @property
    def root(self) -> Path:
        """The folder of the code."""

    def up(self, *, data: Path | None, port: int | None) -> None:
        """Never returns: this process becomes the supervisor."""

    def supervised(self, *, data: Path | None) -> Supervised: ...

    def stop_limit_s(self) -> float:
        """How long everything may take to stop."""

    def run(self, process: str, *, data: Path | None) -> int:
        """Be one of the processes, until a signal ends it; the exit status."""

    def opened(
        self, *, data: Path | None, reads_data: bool = True
    ) -> AbstractContextManager[Deployment]:
        """Connections are given back at the end. ``reads_data``: refused where there is none yet,
        so that looking never makes any, and where its tables are those of another release."""

    def prepare(self, *, data: Path | None) -> None: ...

    def run_channel(self, name: str, *, data: Path | None) -> int:
        """Handle the messages of one channel until a signal ends it; the exit status."""

    def migrate(self, *, data: Path | None) -> None: ...

    def downgrade(self, branch: str, revision: str, *, data: Path | None) -> None: ...

    def migrations(self, *, data: Path | None) -> Sequence[BranchState]: ...


def product() -> Product:
    """The product that the running command belongs to."""
    found: Product = click.get_current_context().find_root().obj
    return found
