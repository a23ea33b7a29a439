import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.app.identity.site import EMPLOYEE
from tests.app.operations.site import ConsoleSite

LIST = "/operations/failed-messages"


def rows_in(html: str) -> list[str]:
    return re.findall(r'<tr id="row-([^"]+)"', html)


def test_failures_with_one_cause_are_shown_as_one_group(site: ConsoleSite) -> None:
    site.let_fail(3)
    site.let_fail(1, context="customs")

    page = site.browser().get(LIST).text

    assert page.count('<tr id="group-') == 2
    assert "MailServerIsDown" in page
    assert "no answer for parcel …" in page
    assert "Replay all 4" in page


def test_the_list_joins_the_contexts_latest_first(site: ConsoleSite) -> None:
    [first] = site.let_fail(1)
    [second] = site.let_fail(1, context="customs")
    [third] = site.let_fail(1)

    page = site.browser().get(f"{LIST}?view=all").text
    turned = site.browser().get(f"{LIST}?view=all&sort=failed&direction=asc").text

    assert rows_in(page) == [third, second, first]
    assert rows_in(turned) == [first, second, third]


def test_pages_of_the_joined_list_neither_overlap_nor_skip(site: ConsoleSite) -> None:
    ids = [*site.let_fail(20), *site.let_fail(20, context="customs"), *site.let_fail(5)]
    browser = site.browser()

    pages = [rows_in(browser.get(f"{LIST}?view=all&page={page}").text) for page in (1, 2)]

    assert [len(page) for page in pages] == [25, 20]
    assert pages[0] + pages[1] == ids[::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("context=customs", "customs"),
        ("channel=customs.mails", "customs"),
        ("q=parcel+1", "both"),
        ("endpoint=mailroom.receipt&context=post", "post"),
        ("age=1h", "both"),
        ("q=nothing+of+the+kind", "none"),
        ("exception=Unknown", "none"),
    ],
)
def test_filters_narrow_the_list(site: ConsoleSite, query: str, expected: str) -> None:
    post, customs = site.let_fail(1), site.let_fail(1, context="customs")
    found = {"post": post, "customs": customs, "both": [*customs, *post], "none": []}[expected]

    page = site.browser().get(f"{LIST}?view=all&{query}").text

    assert rows_in(page) == found
    assert ("Nothing matches" in page) is (not found)


def test_older_failures_leave_the_last_hour(site: ConsoleSite) -> None:
    site.let_fail(1)
    site.clock.advance(timedelta(minutes=61))

    assert rows_in(site.browser().get(f"{LIST}?view=all&age=1h").text) == []


def test_without_failures_the_page_says_that_all_is_well(site: ConsoleSite) -> None:
    browser = site.browser()

    assert "No failure is known" in browser.get(LIST).text
    assert "Nothing was deleted" in browser.get(f"{LIST}?view=deleted").text


def test_what_came_since_the_list_was_drawn_is_offered(site: ConsoleSite) -> None:
    drawn_at = site.clock.now().timestamp()
    browser = site.browser()
    address = f"{LIST}/news?view=all&after={drawn_at}"
    before = browser.get(address)

    site.let_fail(2)
    after = browser.get(address, headers={"If-None-Match": before.headers["ETag"]})

    assert "failed message" not in before.text
    assert "2 new failed messages" in after.text
    again = browser.get(address, headers={"If-None-Match": after.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("after", ["nonsense", "nan", "-1", "1e400", "99999999999999"])
def test_nonsense_as_the_time_of_drawing_offers_nothing(site: ConsoleSite, after: str) -> None:
    site.let_fail(1)

    answer = site.browser().get(f"{LIST}/news?after={after}")

    assert answer.status_code == 200
    assert "failed message" not in answer.text


def test_one_message_is_told_with_everything_that_helps(site: ConsoleSite) -> None:
    [first, second, third] = site.let_fail(3)

    page = site.browser().get(f"{LIST}/{second}").text

    assert "MailServerIsDown in mailroom.receipt" in page
    assert "parcels.parcel_was_sent" in page
    assert "correlation id" in page
    assert "mail_receipt" in page
    assert "failed for good" in page
    assert f'href="{LIST}/{third}" data-key="k"' in page
    assert f'href="{LIST}/{first}" data-key="j"' in page


def test_what_others_wrote_is_shown_and_not_run(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)

    page = site.browser().get(f"{LIST}/{failed}").text

    assert "&lt;b&gt;refused&lt;/b&gt;" in page
    assert "<b>refused</b>" not in page


def test_a_replayed_message_is_handled_and_its_way_is_told(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    site.mend()
    browser = site.browser()

    answer = browser.post(f"{LIST}/{failed}/replay", seen=f"{LIST}/{failed}")
    waiting = browser.get(f"{LIST}/{failed}").text
    site.post.work_off()
    handled = browser.get(f"{LIST}/{failed}").text

    assert answer.status_code == 303
    assert answer.location == f"{LIST}/{failed}"
    assert len(site.post.mailroom.mailed) == 1
    assert "under way" in waiting
    assert "Olga" in waiting
    assert "was handled" in handled
    assert site.ids() == []
    assert ("Olga", "failed_message.replay", "") in site.actions()


def test_what_is_replayed_twice_is_handled_once(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    site.mend()
    browser = site.browser()

    for _ in range(2):
        browser.post(f"{LIST}/{failed}/replay", seen=f"{LIST}")
    site.post.work_off()

    assert len(site.post.mailroom.mailed) == 1
    assert "somebody else dealt with it" in browser.get(LIST).text


def test_what_fails_again_comes_back_under_the_same_address(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    browser = site.browser()

    browser.post(f"{LIST}/{failed}/replay", seen=LIST)
    site.post.work_off()

    assert site.ids() == [failed]
    assert browser.get(f"{LIST}/{failed}").text.count("failed for good") == 2


def test_deleting_asks_for_a_reason(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    browser = site.browser()

    refused = browser.post(f"{LIST}/{failed}/delete", {"reason": "  "}, seen=LIST)

    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert site.ids() == [failed]


def test_what_was_deleted_can_be_restored(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    browser = site.browser()

    browser.post(f"{LIST}/{failed}/delete", {"reason": "a test mail"}, seen=LIST)
    listed = rows_in(browser.get(f"{LIST}?view=deleted").text)
    deleted = site.ids(), site.ids(deleted=True)
    browser.post(f"{LIST}/{failed}/restore", seen=f"{LIST}/{failed}")

    assert listed == [failed]
    assert deleted == ([], [failed])
    assert site.ids() == [failed]
    assert [action for _, action, _ in site.actions()][-2:] == [
        "failed_message.delete",
        "failed_message.restore",
    ]
    assert ("Olga", "failed_message.delete", "a test mail") in site.actions()


def test_what_could_not_be_read_is_shown_as_bytes_and_cannot_be_replayed(
    site: ConsoleSite,
) -> None:
    failed = site.park_unreadable()
    browser = site.browser()

    page = browser.get(f"{LIST}/{failed}").text
    browser.post(f"{LIST}/{failed}/replay", seen=f"{LIST}/{failed}/delete")

    assert "not json" in page
    assert "nothing to hand over again" in page
    assert site.ids() == [failed]
    assert "it cannot be replayed" in browser.get(LIST).text


def test_an_action_that_was_refused_is_not_recorded_as_done(site: ConsoleSite) -> None:
    failed = site.park_unreadable()
    browser = site.browser()

    browser.post(f"{LIST}/{failed}/replay", seen=f"{LIST}/{failed}/delete")

    assert "failed_message.replay" not in [action for _, action, _ in site.actions()]


@pytest.mark.parametrize("path", ["", "/delete", "/history"])
def test_an_unknown_message_is_not_found(site: ConsoleSite, path: str) -> None:
    assert site.browser().get(f"{LIST}/no-such-id{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/operations/",
        LIST,
        f"{LIST}?view=all",
        "/operations/projections",
        "/operations/channels",
        "/operations/consumers",
        "/operations/traces",
        "/mailbox",
    ],
)
def test_only_operators_come_in(site: ConsoleSite, path: str) -> None:
    stranger = site.app.test_client().get(path)

    assert stranger.status_code == 302
    assert stranger.location.startswith("/sign-in")
    assert site.browser(EMPLOYEE).get(path).status_code == 403
    assert site.browser().get(path).status_code == 200


def test_an_employee_cannot_replay(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    employee = site.browser(EMPLOYEE)

    answer = employee.post(f"{LIST}/{failed}/replay", seen="/account")

    assert answer.status_code == 403
    assert site.ids() == [failed]


def test_looking_replays_nothing(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)

    assert site.browser().get(f"{LIST}/{failed}/replay").status_code == 405
    assert site.ids() == [failed]


@pytest.mark.parametrize("query", ["context=gone", "age=ever"])
def test_a_choice_that_does_not_exist_never_widens_what_is_asked_for(
    site: ConsoleSite, query: str
) -> None:
    site.let_fail(1)
    browser = site.browser()

    listed = browser.get(f"{LIST}?view=all&{query}")
    asked = browser.get(f"{LIST}/confirm/delete?everything=1&query={quote(query)}")

    assert (listed.status_code, asked.status_code) == (404, 404)


@pytest.mark.parametrize(
    "path", [f"{LIST}?view=all&page=9", "/operations/traces?page=9", "/mailbox?page=9"]
)
def test_beyond_the_end_a_list_does_not_say_that_there_is_nothing(
    site: ConsoleSite, path: str
) -> None:
    site.let_fail(1)

    page = site.browser().get(path).text

    assert "Nothing on this page" in page
    assert "To the first page" in page
