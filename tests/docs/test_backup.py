"""What the page on backup and restore tells to type, typed: on SQLite files and on PostgreSQL."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from app.composition.deployment import Deployment, build_deployment
from app.composition.environment import load_settings
from app.composition.migrations import migrate
from app.composition.settings import Settings
from domain.customer_service.issue.messages import ReportIssue
from ports.contracts.backoffice import PrepareTicket
from ports.customer_service.queries import IssueByIdentifier
from tests.docs.fences import ROOT, Fence, fences

PAGE = ROOT / "docs" / "backup.md"
_LIMIT_S = 110


def blocks() -> list[Fence]:
    """In the order of the page: SQLite's backup and restore, PostgreSQL's backup and restore."""
    found = fences(PAGE, "sh")
    assert len(found) == 4
    return found


def type_in(tmp_path: Path, block: Fence, **settings: str) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("THICKET_")
    }
    environment |= settings
    # What the door does when the environment is there.
    text = block.text.replace("./thicket", f'"{sys.executable}" -P -m app.composition')
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        ["sh", "-euc", text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings_of(data: Path, url: str | None = None) -> Settings:
    settings = load_settings(data=data)
    return replace(settings, database_url=url, monitoring_url=url) if url else settings


@contextmanager
def opened(data: Path, url: str | None = None) -> Iterator[Deployment]:
    deployment = build_deployment(settings_of(data, url))
    try:
        yield deployment
    finally:
        deployment.close()


def report(deployment: Deployment, subject: str) -> str:
    """An issue, and a ticket with an event of its own; the issue's id."""
    issue_id = deployment.identifiers.new()
    deployment.runtimes["customer_service"].commands.send(
        ReportIssue(issue_id=issue_id, email="a@b.example", subject=subject, content="It burns.")
    )
    deployment.runtimes["backoffice"].commands.send(
        PrepareTicket(ticket_id=issue_id, subject=subject, type="task", description="It burns.")
    )
    return issue_id


def is_there(deployment: Deployment, issue_id: str) -> bool:
    asked = IssueByIdentifier(issue_id=issue_id)
    return deployment.runtimes["customer_service"].queries.ask(asked) is not None


def positions(deployment: Deployment) -> list[int]:
    with deployment.home.engine().connect() as connection:
        rows = connection.exec_driver_sql("SELECT position FROM runtime_event ORDER BY 1")
        return [row.position for row in rows]


def waiting(deployment: Deployment) -> int:
    with deployment.home.engine().connect() as connection:
        count: int = connection.exec_driver_sql("SELECT count(*) FROM runtime_message").scalar_one()
        return count


def check_what_came_back(deployment: Deployment, kept: str, later: str, before: "Before") -> None:
    assert is_there(deployment, kept)
    assert not is_there(deployment, later)
    assert positions(deployment) == before.positions
    assert waiting(deployment) == before.waiting
    # And it goes on: the next event is seen by everybody who had seen all others.
    report(deployment, "after the restore")
    assert positions(deployment)[-1] > before.positions[-1]


class Before:
    def __init__(self, deployment: Deployment) -> None:
        self.positions = positions(deployment)
        self.waiting = waiting(deployment)
        assert self.positions
        assert self.waiting


@pytest.mark.timeout(300)
def test_a_data_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    backup, restore, *_ = blocks()
    data = tmp_path / "data"
    migrate(settings_of(data))
    with opened(data) as deployment:
        kept = report(deployment, "before the backup")
        before = Before(deployment)
        link = deployment.links.link_to(kept)

    type_in(tmp_path, backup)
    with opened(data) as deployment:
        later = report(deployment, "after the backup")
    type_in(tmp_path, restore)

    with opened(data) as deployment:
        check_what_came_back(deployment, kept, later, before)
        assert deployment.links.issue_of(link.rpartition("/")[2]) == kept
    assert (tmp_path / "data-before-restore" / "thicket.db").exists()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("counter_is_lost", [False, True], ids=["whole", "without its sequence"])
def test_a_postgresql_database_comes_back_as_it_was(
    tmp_path: Path, postgres_url: str, *, counter_is_lost: bool
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    *_, backup, restore = blocks()
    data = tmp_path / "data"
    settings = {"THICKET_DATABASE_URL": postgres_url, "THICKET_DATA": str(data)}
    migrate(settings_of(data, postgres_url))
    with opened(data, postgres_url) as deployment:
        kept = report(deployment, "before the backup")
        before = Before(deployment)

    type_in(tmp_path, backup, **settings)
    with opened(data, postgres_url) as deployment:
        later = report(deployment, "after the backup")
    restoring, preparing = _halves(restore)
    type_in(tmp_path, restoring, **settings)
    if counter_is_lost:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("SELECT setval('runtime_event_position_seq', 1, false)")
    said = type_in(tmp_path, preparing, **settings)

    assert ("was restored: it goes on after" in said) == counter_is_lost
    with opened(data, postgres_url) as deployment:
        check_what_came_back(deployment, kept, later, before)


def _halves(block: Fence) -> tuple[Fence, Fence]:
    """What the database's own tools do, and what ours does after them."""
    lines = block.text.splitlines()
    assert lines[-1] == "./thicket prepare"
    return replace(block, text="\n".join(lines[:-1])), replace(block, text=lines[-1])
