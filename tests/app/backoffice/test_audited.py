"""No change of an employee is without its entry, wherever the two lie."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.sql.audit import SqlAuditLog
from adapters.sql.unit_of_work import SqlUnitOfWork
from ports.backoffice.queries import EmployeeDetails, EmployeeStatus
from ports.errors import StoreUnavailable
from ports.outbound.audit import AuditEntry
from tests.app.deployment_site import DeploymentSite

APART = "apart"  # Backoffice has a store of its own
TOGETHER = "together"
DIED = 9


def own_store(data: Path) -> dict[str, dict[str, str]]:
    return {"context_database_urls": {"backoffice": f"sqlite:///{data / 'backoffice.db'}"}}


def site_in(data: Path, where: str) -> DeploymentSite:
    return DeploymentSite(data, **(own_store(data) if where == APART else {}))


@pytest.fixture(params=[TOGETHER, APART])
def where(request: pytest.FixtureRequest, migrated_files: Path, tmp_path: Path) -> str:
    data = tmp_path / "data"
    shutil.copytree(migrated_files, data)
    chosen: str = request.param
    if chosen == APART:
        DeploymentSite.prepared(data, **own_store(data)).close()
    return chosen


@contextmanager
def opened(data: Path, where: str) -> Iterator[DeploymentSite]:
    site = site_in(data, where)
    try:
        yield site
    finally:
        site.close()


def entries(site: DeploymentSite) -> list[AuditEntry]:
    return [
        entry
        for entry in site.deployment.audit.newest(limit=20)
        if entry.action.startswith("employee.")
    ]


def activate(site: DeploymentSite, employee_id: str) -> None:
    site.operator().post(
        f"/backoffice/employees/{employee_id}/activate", seen="/account", follow=False
    )


def status(site: DeploymentSite, employee_id: str) -> EmployeeStatus:
    found = site.desk.queries.ask(EmployeeDetails(employee_id=employee_id))
    result: EmployeeStatus = found.status
    return result


def test_an_activation_has_one_entry(where: str, tmp_path: Path) -> None:
    with opened(tmp_path / "data", where) as site:
        employee = site.employee("Ada", active=False)

        activate(site, employee.employee_id)

        (entry,) = entries(site)
        assert status(site, employee.employee_id) is EmployeeStatus.ACTIVE
    assert (entry.actor.name, entry.action) == ("Olga", "employee.activate")
    assert entry.object == f"employee/{employee.employee_id}"
    assert entry.details.get("outcome") == {TOGETHER: None, APART: "done"}[where]


def test_a_refusal_is_no_effect(where: str, tmp_path: Path) -> None:
    with opened(tmp_path / "data", where) as site:
        employee = site.employee("Ada", active=False)

        site.operator().post(f"/backoffice/employees/{employee.employee_id}/invite")

        outcomes = [entry.details.get("outcome") for entry in entries(site)]
    assert outcomes == {TOGETHER: [], APART: ["not done"]}[where]


def test_without_an_entry_nobody_is_activated(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise StoreUnavailable("the disk is full")

    with opened(tmp_path / "data", where) as site:
        employee = site.employee("Ada", active=False)
        monkeypatch.setattr(SqlAuditLog, "record", fail)

        activate(site, employee.employee_id)

        assert status(site, employee.employee_id) is EmployeeStatus.INACTIVE


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_process_that_dies_in_between_leaves_no_effect_without_an_entry(
    where: str, tmp_path: Path, moment: str
) -> None:
    data = tmp_path / "data"
    with opened(data, where) as site:
        employee_id = site.employee("Ada", active=False).employee_id

    died = subprocess.run(
        [sys.executable, "-m", __name__, str(data), where, moment, employee_id],
        timeout=120,
        check=False,
    )

    with opened(data, where) as site:
        active = status(site, employee_id) is EmployeeStatus.ACTIVE
        outcomes = [entry.details.get("outcome") for entry in entries(site)]
    assert died.returncode == DIED
    assert active is (moment == "after the commit")
    if where == APART:
        assert outcomes == ["begun"]
    else:
        assert outcomes == ([None] if active else [])


def _die() -> None:
    os._exit(DIED)


def _dying(commit: Callable[[SqlUnitOfWork], None], moment: str) -> Callable[[SqlUnitOfWork], None]:
    def committing(unit: SqlUnitOfWork) -> None:
        if moment == "before the commit":
            unit.flush()
            _die()
        commit(unit)
        _die()

    return committing


def main(data: str, where: str, moment: str, employee_id: str) -> None:
    """Activate somebody, and die at that moment."""
    site = site_in(Path(data), where)
    operator = site.operator()
    SqlUnitOfWork.commit = _dying(SqlUnitOfWork.commit, moment)  # type: ignore[method-assign]
    operator.post(f"/backoffice/employees/{employee_id}/activate", follow=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
