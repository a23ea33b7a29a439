"""The commands that look at messages, on a runtime in memory."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.memory.audit import MemoryAuditLog
from adapters.memory.database import MemoryDatabase
from adapters.memory.wakeups import MemoryWakeUps
from app.cli import options
from app.cli.commands import door
from app.messaging.runtime import Runtime
from app.testing.flow import Flow, Storage
from ports.errors import ChannelIsDeclared, NoSuchFailedMessage, NoSuchProjection
from ports.inbound.aggregates import applies, event_sourced_aggregate
from ports.inbound.delivery import RetryPolicy, asynchronous
from ports.inbound.handlers import command_handler, event_handler, named
from ports.inbound.projections import projection, resets
from ports.outbound.channels import ChannelDeclaration, ChannelKind
from ports.outbound.time import Clock


@named("testing.greet")
@dataclass(frozen=True, slots=True, kw_only=True)
class Greet:
    greeting_id: str


@named("testing.was_greeted")
@dataclass(frozen=True, slots=True, kw_only=True)
class WasGreeted:
    greeting_id: str


@event_sourced_aggregate("greeting", identifier="greeting_id")
class Greeting:
    @classmethod
    @command_handler()
    def greet(cls, command: Greet) -> list[WasGreeted]:
        return [WasGreeted(greeting_id=command.greeting_id)]

    @applies
    def greeted(self, event: WasGreeted) -> None:
        self.greeting_id = event.greeting_id


class Answering:
    def __init__(self) -> None:
        self.answered: list[str] = []
        self.speechless = True

    @asynchronous("answers")
    @event_handler(endpoint="testing.answer")
    def answer(self, event: WasGreeted) -> None:
        if self.speechless:
            raise ValueError("nothing to say")
        self.answered.append(event.greeting_id)


@projection("greetings", streams=("greeting",), channel="projections")
class Greetings:
    def __init__(self) -> None:
        self.rows: list[str] = []

    @event_handler()
    def greeted(self, event: WasGreeted) -> None:
        self.rows.append(event.greeting_id)

    @resets
    def reset(self) -> None:
        self.rows.clear()


@dataclass(kw_only=True)
class Desk:
    """Stands for the product that commands are given."""

    flow: Flow
    answering: Answering
    greetings: Greetings
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)

    @property
    def runtimes(self) -> Mapping[str, Runtime]:
        return {"testing": self.flow.runtime}

    @property
    def clock(self) -> Clock:
        return self.flow.runtime.clock

    @contextmanager
    def opened(self, *, data: Path | None, reads_data: bool = True) -> Iterator["Desk"]:
        yield self

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(door, arguments, obj=self, catch_exceptions=False)

    def fail(self, *greetings: str) -> list[str]:
        """Let these fail for good; the ids of the failed messages."""
        for greeting in greetings:
            self.flow.send(Greet(greeting_id=greeting))
        self.flow.run("answers")
        return [row["id"] for row in self.list_failed()]

    def list_failed(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run("failed", "list", "--json").stdout)
        return found

    def recorded(self) -> list[tuple[str, str, str, str]]:
        return [
            (entry.actor.name, entry.action, entry.object, entry.reason)
            for entry in self.audit.newest(limit=10)
        ]


@pytest.fixture
def desk() -> Desk:
    answering, greetings = Answering(), Greetings()
    flow = Flow(
        aggregates=[Greeting],
        handlers=[answering, greetings],
        channels=[
            "projections",
            ChannelDeclaration(
                name="answers", kind=ChannelKind.IN_MEMORY, retry=RetryPolicy(instant=0, delayed=0)
            ),
        ],
    )
    return Desk(flow=flow, answering=answering, greetings=greetings)


def test_failed_messages_are_listed_in_a_table(desk: Desk) -> None:
    (failed,) = desk.fail("g1")

    header, line = desk.run("failed", "list").stdout.splitlines()

    assert header.split() == ["id", "failed", "at", "context", "endpoint", "exception", "reason"]
    assert line.startswith(failed)
    assert line.endswith("testing.answer  ValueError  nothing to say")


def test_where_nothing_failed_that_is_said(desk: Desk) -> None:
    assert desk.run("failed", "list").stdout == "there are no failed messages\n"


def test_a_list_is_bounded_and_goes_on_behind_the_last(desk: Desk) -> None:
    ids = desk.fail("g1", "g2", "g3")

    first = json.loads(desk.run("failed", "list", "--json", "--limit", "2").stdout)
    rest = json.loads(desk.run("failed", "list", "--json", "--after", first[-1]["id"]).stdout)

    assert [row["id"] for row in [*first, *rest]] == sorted(ids)
    assert len(first) == 2


def test_one_failed_message_is_shown_with_everything(desk: Desk) -> None:
    (failed,) = desk.fail("g1")

    text = desk.run("failed", "show", failed).stdout
    shown = json.loads(desk.run("failed", "show", failed, "--json").stdout)

    assert shown["name"] == "testing.was_greeted"
    assert json.loads(shown["payload"]) == {"greeting_id": "g1"}
    assert "nothing to say" in shown["stack_trace"]
    assert "Traceback" in text
    assert text.splitlines()[-1].split()[:2] == ["1", "failed"]


def test_a_replayed_message_is_handled(desk: Desk) -> None:
    (failed,) = desk.fail("g1")
    desk.answering.speechless = False

    desk.run("failed", "replay", failed, "--actor", "ada", "--reason", "found my words")
    desk.flow.run("answers")

    assert desk.answering.answered == ["g1"]
    assert desk.recorded() == [
        ("ada", "failed_message.replay", f"failed_message/{failed}", "found my words")
    ]


def test_all_are_replayed_at_once(desk: Desk) -> None:
    desk.fail("g1", "g2", "g3")
    desk.flow.advance(timedelta(seconds=1))
    desk.answering.speechless = False

    done = desk.run("failed", "replay-all", "--yes")
    desk.flow.run("answers")

    assert done.stdout == "on their way again: 3\n"
    assert sorted(desk.answering.answered) == ["g1", "g2", "g3"]
    assert desk.list_failed() == []


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("y", 0)])
def test_replaying_all_asks_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    desk.fail("g1")
    desk.flow.advance(timedelta(seconds=1))
    monkeypatch.setattr(options, "is_a_person_there", lambda: True)

    done = CliRunner().invoke(door, ["failed", "replay-all"], obj=desk, input=f"{answer}\n")

    assert done.exit_code == left
    assert len(desk.list_failed()) == left


def test_where_nobody_can_be_asked_nothing_is_replayed(desk: Desk) -> None:
    desk.fail("g1")

    done = CliRunner().invoke(door, ["failed", "replay-all"], obj=desk, input="y\n")

    assert done.exit_code == 2
    assert "add --yes" in done.stderr
    assert len(desk.list_failed()) == 1


def test_a_deleted_message_is_gone_until_it_is_restored(desk: Desk) -> None:
    (failed,) = desk.fail("g1")

    desk.run("failed", "delete", failed, "--reason", "a joke", "--actor", "ada")
    after_deleting = desk.list_failed()
    desk.run("failed", "restore", failed, "--actor", "bob")

    assert after_deleting == []
    assert [row["id"] for row in desk.list_failed()] == [failed]
    assert [entry[:2] for entry in desk.recorded()] == [
        ("bob", "failed_message.restore"),
        ("ada", "failed_message.delete"),
    ]


@pytest.mark.parametrize("reason", [[], ["--reason", " "]])
def test_deleting_needs_a_reason(desk: Desk, reason: list[str]) -> None:
    (failed,) = desk.fail("g1")

    done = desk.run("failed", "delete", failed, *reason)

    assert done.exit_code == 2
    assert "--reason" in done.stderr
    assert len(desk.list_failed()) == 1


@pytest.mark.parametrize(
    "command", [["show"], ["replay"], ["delete", "--reason", "x"], ["restore"]]
)
def test_what_nobody_knows_is_refused(desk: Desk, command: list[str]) -> None:
    with pytest.raises(NoSuchFailedMessage):
        desk.run("failed", command[0], "nonsense", *command[1:])


def test_projections_are_listed_with_how_far_they_are(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))
    before = json.loads(desk.run("projection", "list", "--json").stdout)

    desk.flow.run("projections")
    after = json.loads(desk.run("projection", "list", "--json").stdout)

    assert [(row["name"], row["behind"], row["position"]) for row in (*before, *after)] == [
        ("greetings", True, 0),
        ("greetings", False, 1),
    ]


def test_a_projection_is_built_anew(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))
    desk.flow.run("projections")

    desk.run("projection", "rebuild", "greetings", "--reason", "a new column", "--actor", "ada")
    emptied = list(desk.greetings.rows)
    desk.flow.run("projections")

    assert emptied == []
    assert desk.greetings.rows == ["g1"]
    assert desk.recorded() == [
        ("ada", "projection.rebuild", "projection/greetings", "a new column")
    ]


def test_a_projection_that_nobody_knows_is_refused(desk: Desk) -> None:
    with pytest.raises(NoSuchProjection):
        desk.run("projection", "rebuild", "nonsense", "--reason", "x")
    assert desk.recorded() == []


def test_channels_are_listed(desk: Desk) -> None:
    rows = json.loads(desk.run("channel", "list", "--json").stdout)

    assert {row["name"]: row["delayed_retries"] for row in rows} == {
        "testing.projections": 3,
        "testing.answers": 0,
    }


def test_channels_tell_what_waits_in_the_broker(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))
    desk.flow.relay()

    rows = json.loads(desk.run("channel", "list", "--json").stdout)
    table = desk.run("channel", "list").stdout.splitlines()

    assert {row["name"]: row["in_broker"] for row in rows} == {
        "testing.projections": 1,
        "testing.answers": 1,
    }
    assert "in broker" in table[0]
    assert table[1].split()[:3] == ["testing.projections", "in-memory", "1"]


def test_channels_are_listed_while_the_broker_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for channel in desk.flow.network.values():
        monkeypatch.setattr(channel, "depth", lambda: None)

    rows = json.loads(desk.run("channel", "list", "--json").stdout)
    table = desk.run("channel", "list").stdout.splitlines()

    assert [row["in_broker"] for row in rows] == [None, None]
    assert [("broker away" in line) for line in table] == [False, True, True]


def after_the_next_release(desk: Desk) -> Desk:
    """Its channel ``answers`` is called ``replies``."""
    answering = Replying()
    flow = Flow(
        aggregates=[Greeting],
        handlers=[answering],
        channels=["replies"],
        clock=desk.flow.clock,
        storage=Storage(
            store=desk.flow.store,
            waiting=desk.flow.waiting,
            wake_ups=MemoryWakeUps(MemoryDatabase()),
        ),
    )
    return Desk(flow=flow, answering=answering, greetings=desk.greetings)


class Replying(Answering):
    @asynchronous("replies")
    @event_handler(endpoint="testing.answer")
    def answer(self, event: WasGreeted) -> None:
        self.answered.append(event.greeting_id)


def test_a_removed_channel_is_listed_while_messages_wait_for_it(desk: Desk) -> None:
    for greeting in ("g1", "g2"):
        desk.flow.send(Greet(greeting_id=greeting))
    after = after_the_next_release(desk)

    rows = json.loads(after.run("channel", "list", "--json").stdout)
    table = after.run("channel", "list").stdout.splitlines()

    assert [(row["name"], row["in_table"]) for row in rows] == [
        ("testing.replies", None),
        ("testing.answers", 2),
    ]
    assert rows[1]["kind"] == "removed: no endpoint declares it"
    assert rows[1]["oldest_at"] == desk.clock.now().isoformat()
    assert "removed: no endpoint declares it" in table[2]
    assert "left behind" not in desk.run("channel", "list").stdout


def test_what_waits_for_a_removed_channel_is_rejected_and_can_be_replayed(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))
    after = after_the_next_release(desk)
    words = ["--reason", "renamed to replies", "--actor", "ada"]

    done = after.run("channel", "reject", "testing.answers", *words)
    again = after.run("channel", "reject", "testing.answers", *words)

    assert done.stdout == "became failed messages: 1\n"
    assert again.stdout == "nothing waits for testing.answers\n"
    [failed] = after.list_failed()
    assert failed["exception"] == "ports.errors.ChannelRemoved"
    assert after.recorded() == [
        ("ada", "channel.reject", "channel/testing.answers", "renamed to replies")
    ]
    after.run("failed", "replay", failed["id"])
    after.flow.run("replies")
    assert after.answering.answered == ["g1"]


def test_what_a_relay_holds_is_rejected_when_it_is_called_again(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))
    desk.flow.waiting.claim(["testing.answers"], limit=1, token="relay of the release before")
    after = after_the_next_release(desk)

    held = after.run("channel", "reject", "testing.answers", "--reason", "renamed")
    desk.flow.advance(timedelta(minutes=1))
    freed = after.run("channel", "reject", "testing.answers", "--reason", "renamed")

    assert held.stdout.splitlines() == [
        "became failed messages: 0",
        "held by a relay, or sent meanwhile: 1; call again in half a minute",
    ]
    assert freed.stdout == "became failed messages: 1\n"


def test_a_channel_that_is_declared_is_not_rejected(desk: Desk) -> None:
    desk.flow.send(Greet(greeting_id="g1"))

    with pytest.raises(ChannelIsDeclared):
        desk.run("channel", "reject", "testing.answers", "--reason", "x")

    assert desk.list_failed() == []
    assert desk.recorded() == []


@pytest.mark.parametrize("reason", [[], ["--reason", " "]])
def test_rejecting_needs_a_reason(desk: Desk, reason: list[str]) -> None:
    done = desk.run("channel", "reject", "testing.gone", *reason)

    assert done.exit_code == 2
    assert "--reason" in done.stderr


def test_every_endpoint_is_listed_with_where_it_stands(desk: Desk) -> None:
    rows = {row["id"]: row for row in json.loads(desk.run("endpoints", "--json").stdout)}

    row = rows["testing.answer"]
    assert (row["handles"], row["channel"]) == ("WasGreeted", "testing.answers")
    assert "test_message_commands.py" in row["where"]
