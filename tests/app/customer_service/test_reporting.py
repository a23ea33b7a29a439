import re

import pytest
from werkzeug.test import TestResponse

from app.customer_service.report_keys import KEPT_FOR, issue_id_of
from domain.customer_service.issue.messages import FollowTicket, TicketProgress
from tests.app.customer_service.reporting import GIVEN, key_in, reported, row
from tests.app.deployment_site import DeploymentSite, Visitor, text_of


def test_a_report_leads_to_its_own_page_with_a_number(
    site: DeploymentSite, customer: Visitor
) -> None:
    answer = customer.post("/issues", GIVEN, seen="/", follow=False)

    assert answer.status_code == 303
    text = text_of(customer.get(answer.location).text)
    assert "Issue #1001" in text
    assert "Printer burns" in text
    assert "Smoke comes out of it." in text


def test_the_same_form_sent_twice_leads_to_one_issue(
    site: DeploymentSite, customer: Visitor
) -> None:
    form = {**GIVEN, "key": key_in(customer.get("/").text)}

    first = customer.post("/issues", form, seen="/", follow=False)
    second = customer.post("/issues", form, seen="/", follow=False)

    assert _number(customer, first) == _number(customer, second) == "Issue #1001"
    assert row(site, reported(site)).number == 1002


def test_going_back_to_a_form_that_is_drawn_anew_leads_to_the_same_issue(
    site: DeploymentSite, customer: Visitor
) -> None:
    first = customer.post("/issues", {**GIVEN, "key": key_in(customer.get("/").text)}, seen="/")
    again = customer.post("/issues", {**GIVEN, "key": key_in(customer.get("/").text)}, seen="/")

    assert "Issue #1001" in text_of(first.text)
    assert "Issue #1001" in text_of(again.text)


def test_other_words_in_the_same_form_are_another_report(
    site: DeploymentSite, customer: Visitor
) -> None:
    form = {**GIVEN, "key": key_in(customer.get("/").text)}
    first = customer.post("/issues", form, seen="/")
    second = customer.post("/issues", {**form, "subject": "Screen flickers"}, seen="/")

    assert "Issue #1001" in text_of(first.text)
    assert "Issue #1002" in text_of(second.text)
    assert "Screen flickers" in text_of(second.text)


def test_the_same_words_of_somebody_else_are_another_report(
    site: DeploymentSite, customer: Visitor
) -> None:
    first = customer.post("/issues", GIVEN, seen="/")
    second = site.visitor().post("/issues", GIVEN, seen="/")

    assert "Issue #1001" in text_of(first.text)
    assert "Issue #1002" in text_of(second.text)


def test_the_same_words_after_a_while_are_another_report(
    site: DeploymentSite, customer: Visitor
) -> None:
    first = customer.post("/issues", {**GIVEN, "key": key_in(customer.get("/").text)}, seen="/")
    with customer.client.session_transaction() as kept:
        key, minted_at = kept["report_key"]
        kept["report_key"] = [key, minted_at - KEPT_FOR.total_seconds()]
    second = customer.post("/issues", {**GIVEN, "key": key_in(customer.get("/").text)}, seen="/")

    assert "Issue #1001" in text_of(first.text)
    assert "Issue #1002" in text_of(second.text)


def test_the_same_words_after_closing_the_issue_are_another_report(
    site: DeploymentSite, customer: Visitor
) -> None:
    page = customer.post("/issues", GIVEN, seen="/", follow=False).location
    customer.post(f"{page}/close", seen=f"{page}/close")

    again = customer.post("/issues", {**GIVEN, "key": key_in(customer.get("/").text)}, seen="/")

    assert "Issue #1002" in text_of(again.text)


@pytest.mark.parametrize("key", ["", "' OR 1=1", "0", "\x00"])
def test_a_form_whose_key_is_none_still_reports_once(
    site: DeploymentSite, customer: Visitor, key: str
) -> None:
    for _ in range(2):
        answer = customer.post("/issues", {**GIVEN, "key": key}, seen="/")

        assert "Issue #1001" in text_of(answer.text)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "", "Enter your e-mail address, so that we can answer."),
        ("email", "nobody", "This address cannot be written to"),
        ("email", "a@b.c\nBcc: all@example.com", "This address cannot be written to"),
        ("subject", "", "Say in a few words what it is about."),
        ("subject", "\x00 \x01", "This field is empty."),
        ("subject", "x" * 201, "Keep it under 200 characters, please."),
        ("content", "", "Describe what happened"),
        ("content", "x" * 20_001, "Keep it under 20,000 characters, please."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    site: DeploymentSite, customer: Visitor, field: str, value: str, message: str
) -> None:
    answer = customer.post("/issues", {**GIVEN, field: value}, seen="/")

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert message in text_of(answer.text)
    kept = next(text for name, text in GIVEN.items() if name != field)
    assert kept in answer.text
    assert row(site, reported(site)).number == 1001


def test_who_fills_in_what_people_cannot_see_reports_nothing(
    site: DeploymentSite, customer: Visitor
) -> None:
    answer = customer.post("/issues", {**GIVEN, "website": "https://spam.example"}, seen="/")

    assert answer.status_code == 200
    assert "Thank you, your report was sent." in text_of(answer.text)
    assert row(site, reported(site)).number == 1001


def test_a_report_without_the_token_of_the_form_is_refused(
    site: DeploymentSite, customer: Visitor
) -> None:
    assert customer.client.post("/issues", data=GIVEN).status_code == 400
    assert row(site, reported(site)).number == 1001


@pytest.mark.parametrize("email", ["maria@example.com", "stranger@example.com"])
def test_asking_for_links_answers_the_same_whoever_asks(
    site: DeploymentSite, customer: Visitor, email: str
) -> None:
    reported(site)

    answer = customer.post("/follow", {"email": email}, seen="/follow")

    assert (
        "If issues were reported from this address, a mail with links to them is on its way."
        in text_of(answer.text)
    )
    assert email not in answer.text


@pytest.mark.parametrize("email", ["", "x" * 300, "\x00", "a b", "<script>@x.y", "a@b\r\nBcc: c@d"])
def test_asking_for_links_bears_any_address(
    site: DeploymentSite, customer: Visitor, email: str
) -> None:
    answer = customer.post("/follow", {"email": email}, seen="/follow")

    assert answer.status_code in (200, 422)
    assert "<script>@" not in answer.text


def _number(customer: Visitor, answer: TestResponse) -> str:
    assert answer.status_code == 303
    found = re.search(r"Issue #\d+", text_of(customer.get(answer.location).text))
    assert found
    return found.group()


@pytest.mark.parametrize("progress", [TicketProgress.RESOLVED, TicketProgress.CANCELLED])
def test_the_same_words_after_the_desk_finished_are_another_report(
    site: DeploymentSite, customer: Visitor, progress: TicketProgress
) -> None:
    form = {**GIVEN, "key": key_in(customer.get("/").text)}
    first = customer.post("/issues", form, seen="/")
    issue_id = issue_id_of(form["key"], tuple(GIVEN.values()))
    site.customers.commands.send(
        FollowTicket(
            issue_id=issue_id,
            ticket_version=1,
            progress=progress,
            occurred_at=site.deployment.clock.now(),
        )
    )

    second = customer.post("/issues", form, seen="/")
    again = customer.post("/issues", form, seen="/")

    assert "Issue #1001" in text_of(first.text)
    assert "Issue #1002" in text_of(second.text)
    assert "Issue #1002" in text_of(again.text)
