"""The account sees what is lost, doubled or stuck: each is planted once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from soak.account import Account, draw_up
from soak.draining import unintended
from soak.facts import (
    BACKOFFICE,
    CUSTOMER_SERVICE,
    DeliveryRow,
    EventRow,
    Facts,
    FailedRow,
    IssueRow,
    MailRow,
)
from soak.faults import Fault, plan
from soak.ledger import Action, Ledger, ReportedIssue, Told
from soak.poison import unreadable
from soak.world import Profile

ISSUE, TICKET, REPORTED, COMMAND = "issue-1", "ticket-1", "message-1", "message-2"
EMAIL = "maria@example.com"


def event(version: int, name: str, **payload: object) -> EventRow:
    return EventRow(
        ticket_id=TICKET,
        version=version,
        name=name,
        event_id=f"event-{version}",
        parent_id=COMMAND,
        payload=payload,
    )


def delivery(context: str, message_id: str, endpoint: str, state: str = "done") -> DeliveryRow:
    return DeliveryRow(context=context, message_id=message_id, endpoint=endpoint, state=state)


PREPARED = event(1, "prepared", number=7)
ASSIGNED = event(2, "assigned", assignee_id="ada")
CONFIRMATION = MailRow(
    recipient=EMAIL, subject="[#7] We received your issue: Trouble", message_id=REPORTED
)
GOOD = Facts(
    issues={
        ISSUE: IssueRow(
            issue_id=ISSUE, ticket_id=TICKET, email=EMAIL, state="in_work", confirmation="sent"
        )
    },
    events={TICKET: [PREPARED, ASSIGNED]},
    deliveries=[
        delivery(CUSTOMER_SERVICE, REPORTED, "issue.confirm_report"),
        delivery(CUSTOMER_SERVICE, REPORTED, "issue.prepare_ticket"),
        delivery(BACKOFFICE, COMMAND, "distributed.command"),
        delivery(CUSTOMER_SERVICE, "message-3", "distributed.event"),
        delivery(CUSTOMER_SERVICE, "message-4", "distributed.event"),
    ],
    mails=[CONFIRMATION],
    failed=[],
    ticket_list={TICKET: (7, "assigned", "ada")},
    unassigned=frozenset(),
    messages=0,
    jobs=[],
)


def ledger(*, issue: Told = Told.ACCEPTED, action: Told = Told.ACCEPTED) -> Ledger:
    told = Ledger()
    told.add(
        ReportedIssue(
            issue_id=ISSUE,
            email=EMAIL,
            subject="Trouble",
            told=issue,
            actions=[Action(kind="assigned", told=action)],
        )
    )
    return told


def without(number: int) -> Callable[[Facts], Facts]:
    return lambda facts: replace(
        facts, deliveries=[*facts.deliveries[:number], *facts.deliveries[number + 1 :]]
    )


def test_what_agrees_is_good() -> None:
    account = draw_up(ledger(), GOOD, [])

    assert account.is_good, account
    assert (account.accepted, account.actions, account.done, account.mails) == (1, 1, 5, 1)


@pytest.mark.parametrize(
    "lose",
    [
        lambda facts: replace(facts, issues={}, events={}),
        lambda facts: replace(facts, events={}),
        lambda facts: replace(facts, events={TICKET: [PREPARED]}),
        lambda facts: replace(facts, mails=[]),
        lambda facts: replace(facts, ticket_list={}),
        lambda facts: replace(facts, ticket_list={TICKET: (7, "unassigned", "")}),
        *(without(number) for number in range(5)),
    ],
)
def test_what_was_accepted_and_is_missing_is_lost(lose: Callable[[Facts], Facts]) -> None:
    account = draw_up(ledger(), lose(GOOD), [])

    assert account.lost
    assert not account.is_good


@pytest.mark.parametrize(
    "double",
    [
        lambda facts: replace(
            facts, issues={**facts.issues, "other": replace(facts.issues[ISSUE], issue_id="other")}
        ),
        lambda facts: replace(facts, events={**facts.events, "other": [PREPARED]}),
        lambda facts: replace(facts, events={TICKET: [PREPARED, replace(PREPARED, version=2)]}),
        lambda facts: replace(
            facts, events={TICKET: [PREPARED, ASSIGNED, replace(ASSIGNED, version=3)]}
        ),
        lambda facts: replace(facts, events={TICKET: [PREPARED, replace(ASSIGNED, version=1)]}),
        lambda facts: replace(facts, mails=[CONFIRMATION, replace(CONFIRMATION, message_id="x")]),
        lambda facts: replace(
            facts,
            deliveries=[*facts.deliveries, delivery(CUSTOMER_SERVICE, "x", "issue.confirm_report")],
        ),
    ],
)
def test_what_happened_more_often_than_asked_for_is_doubled(
    double: Callable[[Facts], Facts],
) -> None:
    account = draw_up(ledger(), double(GOOD), [])

    assert account.doubled
    assert not account.is_good


@pytest.mark.parametrize(
    "leave",
    [
        lambda facts: replace(facts, messages=1),
        lambda facts: replace(facts, jobs=["Replaying"]),
        lambda facts: replace(
            facts, failed=[FailedRow(exception="MailUnavailable", endpoint="x", reason="")]
        ),
        lambda facts: replace(
            facts, deliveries=[*facts.deliveries, delivery(BACKOFFICE, "x", "y", "waiting")]
        ),
    ],
)
def test_what_still_waits_is_stuck(leave: Callable[[Facts], Facts]) -> None:
    account = draw_up(ledger(), leave(GOOD), [])

    assert account.stuck
    assert not account.is_good


def test_what_is_in_doubt_may_be_there_or_not() -> None:
    doubtful = ledger(issue=Told.IN_DOUBT, action=Told.IN_DOUBT)
    nothing = replace(
        GOOD, issues={}, events={}, deliveries=[], mails=[], ticket_list={}, unassigned=frozenset()
    )

    there, not_there = draw_up(doubtful, GOOD, []), draw_up(doubtful, nothing, [])

    assert (there.is_good, there.in_doubt, there.arrived) == (True, 1, 1)
    assert (not_there.is_good, not_there.in_doubt, not_there.arrived) == (True, 1, 0)


def test_a_mail_that_left_twice_under_one_id_is_a_repetition() -> None:
    account = draw_up(ledger(), replace(GOOD, mails=[CONFIRMATION, CONFIRMATION]), [])

    assert account.is_good
    assert (account.mails, account.mails_repeated) == (1, 1)


def test_poison_must_have_become_a_failed_message() -> None:
    poison = [unreadable("x")]
    failed = [FailedRow(exception="UnreadableMessage", endpoint="", reason="no delivery")]

    kept, vanished = (
        draw_up(ledger(), replace(GOOD, failed=failed), poison),
        draw_up(ledger(), GOOD, poison),
    )

    assert (kept.is_good, kept.poisoned) == (True, 1)
    assert vanished.lost


def test_what_failed_is_told_apart_from_what_was_made_to_fail() -> None:
    failed = [
        FailedRow(exception=exception, endpoint=endpoint, reason="")
        for exception, endpoint in (
            ("UnreadableMessage", ""),
            ("PoisonousMessage", "issue.confirm_report"),
            ("UnreadableMessage", ""),
            ("PoisonousMessage", "issue.confirm_report"),
        )
    ]

    assert unintended(failed, [unreadable("x")]) == {
        "PoisonousMessage at issue.confirm_report": 2,
        "UnreadableMessage at no endpoint": 1,
    }


def test_an_answer_that_nobody_should_get_is_not_good() -> None:
    told = ledger()
    told.was_unexpected("report: 500")

    account: Account = draw_up(told, GOOD, [])

    assert not account.is_good


def test_a_seed_decides_the_plan() -> None:
    def of(seed: int) -> list[tuple[float, Fault]]:
        planned = plan(seed, seconds=1_800, profile=Profile.POSTGRESQL_RABBITMQ)
        return [(one.at_s, one.fault) for one in planned]

    assert of(1) == of(1)
    assert of(1) != of(2)
    assert {fault for _, fault in of(1)} == set(Fault)


def test_without_servers_the_plan_leaves_them_alone() -> None:
    planned = {one.fault for one in plan(1, seconds=1_800, profile=Profile.EMBEDDED)}

    assert set(Fault) - planned == {
        Fault.CRASH_DATABASE,
        Fault.RESTART_DATABASE,
        Fault.CRASH_BROKER,
        Fault.RESTART_BROKER,
    }
