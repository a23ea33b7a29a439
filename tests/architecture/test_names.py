"""Commands ask and events state: the two are never mixed up, in any search."""

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from ports.inbound.declaring import only_mark
from ports.inbound.handlers import Named
from tests.architecture.declared import (
    Handled,
    contexts,
    handled_commands,
    handled_events,
    message_classes,
)

# What a command may begin with. A new one is a decision: does it ask for something to be done?
IMPERATIVES = frozenset(
    {
        "Activate", "Assign", "Cancel", "Close", "Deactivate", "Follow", "Invite", "Prepare",
        "Register", "Reopen", "Report", "Resolve", "Send", "Take",
    }
)  # fmt: skip
_STABLE_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


def states_a_fact(message: type) -> bool:
    return "Was" in _words(message)[1:]


def asks(message: type) -> bool:
    words = _words(message)
    return words[0] in IMPERATIVES and len(words) > 1 and "Was" not in words


def test_every_handled_command_asks() -> None:
    assert _misnamed(handled_commands(), asks) == []


def test_every_handled_event_states_a_fact() -> None:
    assert _misnamed(handled_events(), states_a_fact) == []


def test_every_message_either_asks_or_states_a_fact() -> None:
    unclear = [
        message.__qualname__
        for message in message_classes()
        if asks(message) == states_a_fact(message)
    ]

    assert unclear == []


def test_there_are_commands_and_events_in_every_context() -> None:
    found = message_classes()

    for context in contexts():
        own = [message for message in found if f".{context}" in message.__module__]
        assert any(asks(message) for message in own), context
        assert any(states_a_fact(message) for message in own), context
    assert handled_commands()
    assert handled_events()


def test_messages_are_small_frozen_values() -> None:
    loose = [
        message.__qualname__
        for message in message_classes()
        if not getattr(message, "__dataclass_params__").frozen  # noqa: B009 - unknown to types
        or not hasattr(message, "__slots__")
        or not all(field.kw_only for field in dataclasses.fields(message))
    ]

    assert loose == []


def test_every_event_has_a_stable_name_that_states_the_fact_too() -> None:
    events = [message for message in message_classes() if states_a_fact(message)]

    unnamed = [
        event.__qualname__
        for event in events
        if not re.search(r"(^|[._])was_", _stable_name(event).rpartition(".")[2])
    ]

    assert unnamed == []


def test_stable_names_are_words_in_lower_case_with_their_owner_before_them() -> None:
    names = [name for message in message_classes() if (name := _stable_name(message))]

    assert [name for name in names if not _STABLE_NAME.fullmatch(name)] == []


def test_stable_names_of_contracts_begin_with_their_context() -> None:
    wrong = [
        message.__qualname__
        for message in message_classes()
        if message.__module__.startswith("ports.contracts.")
        and not _stable_name(message).startswith(f"{message.__module__.rpartition('.')[2]}.")
    ]

    assert wrong == []


def test_no_two_messages_share_a_stable_name() -> None:
    names = Counter(name for message in message_classes() if (name := _stable_name(message)))

    assert [name for name, count in names.items() if count > 1] == []


def test_only_contracts_are_marked_as_contracts() -> None:
    for message in message_classes():
        mark = only_mark(message, Named)
        is_contract = mark is not None and mark.contract
        assert is_contract == message.__module__.startswith("ports.contracts."), message


@pytest.mark.parametrize(
    "name", ["TicketWasAssigned", "AssignedTicket", "Ticket", "Assign", "TicketAssignment"]
)
def test_a_command_that_does_not_ask_is_noticed(name: str) -> None:
    handled = [Handled(message=type(name, (), {}), handler="Ticket.assign")]

    assert _misnamed(handled, asks) == [f"Ticket.assign takes {name}"]


@pytest.mark.parametrize(
    "name", ["AssignTicket", "TicketAssigned", "Was", "Washing", "WasAssigned"]
)
def test_an_event_that_states_no_fact_is_noticed(name: str) -> None:
    handled = [Handled(message=type(name, (), {}), handler="Board.assigned")]

    assert _misnamed(handled, states_a_fact) == [f"Board.assigned takes {name}"]


def _misnamed(handled: Iterable[Handled], rule: Callable[[type], bool]) -> list[str]:
    return [
        f"{one.handler} takes {one.message.__name__}" for one in handled if not rule(one.message)
    ]


def _words(message: type) -> list[str]:
    return re.findall(r"[A-Z][a-z0-9]*", message.__name__)


def _stable_name(message: type) -> str:
    mark = only_mark(message, Named)
    return mark.name if mark else ""
