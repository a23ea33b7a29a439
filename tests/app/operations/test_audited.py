"""No effect is without its entry: each is one commit, or there is neither."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sql.audit import SqlAuditLog
from adapters.sql.unit_of_work import SqlUnitOfWork
from app.identity.audited import TOLD, Audited, told
from ports.errors import StoreUnavailable
from ports.outbound.audit import Actor
from ports.outbound.operations import Job
from tests.app.operations.site import ConsoleSite

Ask = tuple[str, Mapping[str, str]]


def a_job(site: ConsoleSite, job_id: str) -> Job:
    return Job(
        id=job_id,
        kind="replay",
        label="Replaying",
        started_by="Olga",
        started_at=site.clock.now(),
        total=1,
    )


def asks(site: ConsoleSite) -> dict[str, Ask]:
    """Something of every kind that can be done at the console, and what to send for it."""
    failed, deleted = site.let_fail(2)
    site.post.runtime.failed_messages.delete(deleted, actor="Olga", reason="")
    site.jobs.start(a_job(site, "j-1"))
    messages = "/operations/failed-messages"
    why = {"reason": "why not"}
    everything = {"everything": "1", "query": "view=all", **why}
    return {
        "replay": (f"{messages}/{failed}/replay", why),
        "delete": (f"{messages}/{failed}/delete", why),
        "restore": (f"{messages}/{deleted}/restore", {}),
        "replay ticked": (f"{messages}/bulk/replay", {"ids": failed, **why}),
        "delete ticked": (f"{messages}/bulk/delete", {"ids": failed, **why}),
        "restore ticked": (f"{messages}/bulk/restore", {"ids": deleted, **why}),
        "replay matching": (f"{messages}/bulk/replay", everything),
        "delete matching": (f"{messages}/bulk/delete", everything),
        "pause": ("/operations/projections/post/parcels/pause", why),
        "rebuild": ("/operations/projections/post/parcels/rebuild", why),
        "stop": ("/operations/jobs/j-1/stop", {}),
    }


KINDS = (
    "replay",
    "delete",
    "restore",
    "replay ticked",
    "delete ticked",
    "restore ticked",
    "replay matching",
    "delete matching",
    "pause",
    "rebuild",
    "stop",
)


TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def contents(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is committed, by table."""
    with closing(sqlite3.connect(folder / "thicket.db")) as connection:
        names = [name for (name,) in connection.execute(TABLES)]
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names
        }


def failing(*_: object, **__: object) -> None:
    raise StoreUnavailable("the disk is full")


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_entry_nothing_is_done(
    site: ConsoleSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    address, fields = asks(site)[kind]
    browser, before = site.browser(), contents(tmp_path)

    with monkeypatch.context() as broken:
        broken.setattr(SqlAuditLog, "record", failing)
        with pytest.raises(StoreUnavailable):
            browser.post(address, fields, seen="/account")

    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "stop"])
def test_what_could_not_be_committed_leaves_no_entry(
    site: ConsoleSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    address, fields = asks(site)[kind]
    browser, before = site.browser(), contents(tmp_path)

    with monkeypatch.context() as broken:
        broken.setattr(SqlUnitOfWork, "commit", failing)
        with pytest.raises(StoreUnavailable):
            browser.post(address, fields, seen="/account")

    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_done_has_one_entry(site: ConsoleSite, tmp_path: Path, kind: str) -> None:
    address, fields = asks(site)[kind]
    browser, before = site.browser(), contents(tmp_path)

    browser.post(address, fields, seen="/account")

    changed = {name for name, rows in contents(tmp_path).items() if rows != before[name]}
    assert changed > {"runtime_audit"}
    (entry,) = site.audit_log.newest(limit=10)
    assert entry.actor.name == "Olga"
    assert entry.reason == fields.get("reason", "")
    assert entry.details.get("outcome") is None


def test_a_job_that_was_ordered_twice_has_one_entry(site: ConsoleSite) -> None:
    site.let_fail(2)
    browser = site.browser()
    job = site.identifiers.new()
    fields = {"everything": "1", "query": "view=all", "job": job}

    for _ in range(2):
        browser.post("/operations/failed-messages/bulk/replay", fields, seen="/account")

    assert [entry.action for entry in site.audit_log.newest(limit=10)] == [
        "failed_message.replay_matching"
    ]


@pytest.mark.parametrize("action", list(Audited))
def test_every_action_is_told_in_a_sentence(action: Audited) -> None:
    words = TOLD[action]

    assert words.sentence[0].islower()
    assert not words.sentence.endswith(".")
    assert not {".", "_"} & set(words.sentence)


def test_the_overview_tells_actions_in_sentences(site: ConsoleSite) -> None:
    for action in Audited:
        site.audit_log.record(Actor(name="Olga"), action.value, "thing/1", at=site.clock.now())
    names = [action.value for action in Audited]

    html = site.browser().get("/operations/").text

    assert not [name for name in names if name in html]
    assert told(names[-1]).sentence in html


def test_an_action_of_a_release_that_is_gone_is_told_in_words() -> None:
    assert told("ticket.merge_two-of_them").sentence == "ticket: merge two of them"
