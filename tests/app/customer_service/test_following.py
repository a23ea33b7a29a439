import pytest

from domain.customer_service.issue.messages import (
    CloseIssue,
    FollowTicket,
    IssueConfirmationWasSent,
    TicketProgress,
)
from ports.customer_service.queries import IssueState
from tests.app.customer_service.reporting import page_of, reported, row
from tests.app.deployment_site import DeploymentSite, Visitor, text_of


def news(site: DeploymentSite, issue_id: str, *steps: TicketProgress, reason: str = "") -> None:
    for version, progress in enumerate(steps, start=1):
        site.customers.commands.send(
            FollowTicket(
                issue_id=issue_id,
                ticket_version=version,
                progress=progress,
                occurred_at=site.deployment.clock.now(),
                reason=reason,
            )
        )


PREPARED, TAKEN = TicketProgress.PREPARED, TicketProgress.TAKEN_INTO_WORK
RESOLVED, CANCELLED = TicketProgress.RESOLVED, TicketProgress.CANCELLED


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((), "State Reported"),
        ((PREPARED,), "State Received"),
        ((PREPARED, TAKEN), "State In work"),
        ((PREPARED, TAKEN, RESOLVED), "State Resolved"),
        ((PREPARED, CANCELLED), "State Cancelled"),
    ],
)
def test_the_page_follows_what_the_desk_does(
    site: DeploymentSite, customer: Visitor, steps: tuple[TicketProgress, ...], state: str
) -> None:
    issue_id = reported(site)
    news(site, issue_id, *steps, reason="A duplicate.")

    text = text_of(customer.get(page_of(site, issue_id)).text)

    assert state in text
    assert ("A duplicate." in text) == (CANCELLED in steps)
    assert ("Close this issue" in text) == (CANCELLED not in steps)


def test_the_page_says_when_the_confirmation_was_sent(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id = reported(site)
    page = page_of(site, issue_id)
    assert "Confirmation on its way to m•••@example.com" in text_of(customer.get(page).text)

    site.customers.events.publish(IssueConfirmationWasSent(issue_id=issue_id))

    assert "Confirmation sent to m•••@example.com" in text_of(customer.get(page).text)


def test_the_open_page_asks_only_for_what_has_changed(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id = reported(site)
    region = f"{page_of(site, issue_id)}/progress"
    tag = customer.get(region).headers["ETag"]

    same = customer.get(region, {"If-None-Match": tag})
    news(site, issue_id, PREPARED)
    changed = customer.get(region, {"If-None-Match": tag})

    assert same.status_code == 304
    assert changed.status_code == 200
    assert "Received" in changed.text


def test_closing_asks_first_and_is_done_once(site: DeploymentSite, customer: Visitor) -> None:
    issue_id = reported(site)
    page = page_of(site, issue_id)

    question = customer.get(f"{page}/close")
    assert row(site, issue_id).state is IssueState.RECEIVED
    answer = customer.post(f"{page}/close", seen=f"{page}/close")
    closed = row(site, issue_id)
    again = customer.client.get(f"{page}/close")

    assert "Close issue #1001?" in text_of(question.text)
    assert "Your issue is closed." in text_of(answer.text)
    assert "Closed by you" in text_of(answer.text)
    assert closed.state is IssueState.CLOSED
    assert again.location == page
    assert row(site, issue_id) == closed


def test_a_second_press_of_the_button_changes_nothing(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id, other = reported(site), reported(site, subject="Another")
    page, seen = page_of(site, issue_id), f"{page_of(site, other)}/close"
    customer.post(f"{page}/close", seen=seen)
    closed = row(site, issue_id)

    again = customer.post(f"{page}/close", seen=seen)

    assert again.status_code == 200
    assert row(site, issue_id) == closed
    assert row(site, other).state is IssueState.RECEIVED


def test_what_the_desk_cancelled_is_not_said_to_be_closed(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id = reported(site)
    page = page_of(site, issue_id)
    seen = f"{page_of(site, reported(site))}/close"
    news(site, issue_id, PREPARED, CANCELLED, reason="A duplicate.")

    answer = customer.post(f"{page}/close", seen=seen)

    assert "there is nothing left to close" in text_of(answer.text)
    assert row(site, issue_id).state is IssueState.CANCELLED


def test_looking_never_closes(site: DeploymentSite, customer: Visitor) -> None:
    issue_id = reported(site)

    for path in ("", "/close", "/progress"):
        customer.get(page_of(site, issue_id) + path)

    assert row(site, issue_id).state is IssueState.RECEIVED


@pytest.mark.parametrize("path", ["", "/close", "/progress"])
def test_a_link_that_was_changed_opens_nothing(
    site: DeploymentSite, customer: Visitor, path: str
) -> None:
    page = page_of(site, reported(site))
    flipped = page[:-1] + ("A" if page[-1] != "A" else "B")

    for address in (flipped, page[:-8], "/issues/x", "/issues/%00", "/issues/" + "a" * 3_000):
        assert customer.get(address + path).status_code == 404, address
        if path == "/close":
            assert customer.post(address + path, seen="/").status_code == 404, address


def test_a_link_opens_its_own_issue_and_no_other(site: DeploymentSite, customer: Visitor) -> None:
    mine = reported(site)
    other = reported(site, subject="Somebody else's trouble", email="eve@example.com")

    text = customer.get(page_of(site, mine)).text

    assert "Somebody else" not in text
    assert other not in text


def test_what_was_reported_is_text_and_never_markup(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id = reported(site, subject="<b>bold</b>", content="<script>alert(1)</script>")

    html = customer.get(page_of(site, issue_id)).text

    assert "<b>bold" not in html
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_the_address_that_is_a_key_is_neither_kept_nor_told(
    site: DeploymentSite, customer: Visitor
) -> None:
    answer = customer.get(page_of(site, reported(site)))

    assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_closed_issue_no_longer_offers_to_be_closed(
    site: DeploymentSite, customer: Visitor
) -> None:
    issue_id = reported(site)
    site.customers.commands.send(CloseIssue(issue_id=issue_id))

    assert "Close this issue" not in text_of(customer.get(page_of(site, issue_id)).text)
