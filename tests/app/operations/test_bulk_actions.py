import re

import pytest
from werkzeug.datastructures import MultiDict

from ports.outbound.operations import FailedMessageSearch
from tests.app.identity.site import Browser, form_token
from tests.app.operations.site import ConsoleSite

LIST = "/operations/failed-messages"


def send(
    browser: Browser, address: str, fields: list[tuple[str, str]], *, seen: str = "/account"
) -> str:
    """Post a form whose fields may repeat; the page or, of a redirect, its target."""
    token = form_token(browser.client.get(seen).text)
    answer = browser.client.post(address, data=MultiDict([*fields, ("csrf_token", token)]))
    return answer.location if answer.status_code == 303 else answer.text


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"the page has no field {name}"
    return found[1].replace("&amp;", "&")


def everything(query: str = "view=all", job: str = "") -> list[tuple[str, str]]:
    return [("everything", "1"), ("query", query), ("job", job)]


def work_off(site: ConsoleSite) -> None:
    for context in site.contexts.values():
        context.work_off()


def test_ticked_rows_of_both_contexts_are_replayed_at_once(site: ConsoleSite) -> None:
    post, customs = site.let_fail(3), site.let_fail(1, context="customs")
    site.mend()
    browser = site.browser()

    send(browser, f"{LIST}/bulk/replay", [("ids", post[0]), ("ids", customs[0])])
    work_off(site)

    assert sorted(site.ids()) == sorted(post[1:])
    assert len(site.post.mailroom.mailed) == 1
    assert len(site.customs.mailroom.mailed) == 1
    assert "2 messages replayed" in browser.get(LIST).text


def test_the_question_names_the_number_and_keeps_the_choice(site: ConsoleSite) -> None:
    ids = site.let_fail(3)
    browser = site.browser()

    page = send(browser, f"{LIST}/confirm/delete", [("ids", ids[0]), ("ids", ids[1])])

    assert "Delete 2 failed messages?" in page
    assert all(f'name="ids" value="{one}"' in page for one in ids[:2])
    assert sorted(site.ids()) == sorted(ids)


def test_the_question_about_everything_names_the_filters(site: ConsoleSite) -> None:
    site.let_fail(3)
    site.let_fail(2, context="customs")

    page = site.browser().get(
        f"{LIST}/confirm/replay?everything=1&query=view%3Dall%26context%3Dcustoms"
    )

    assert "Replay 2 failed messages?" in page.text
    assert "customs" in page.text
    assert hidden(page.text, "query") == "view=all&context=customs"


def test_deleting_ticked_rows_needs_a_reason(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    browser = site.browser()

    refused = send(browser, f"{LIST}/bulk/delete", [("ids", failed)])
    send(browser, f"{LIST}/bulk/delete", [("ids", failed), ("reason", "a test")])

    assert "Say why" in refused
    assert f'name="ids" value="{failed}"' in refused
    assert site.ids(deleted=True) == [failed]
    assert ("Olga", "failed_message.delete", "a test") in site.actions()


def test_what_cannot_be_replayed_does_not_hold_the_others_back(site: ConsoleSite) -> None:
    unreadable = site.park_unreadable()
    failed = site.let_fail(2)
    site.mend()
    browser = site.browser()

    send(browser, f"{LIST}/bulk/replay", [("ids", one) for one in (*failed, unreadable)])
    work_off(site)

    assert site.ids() == [unreadable]
    assert len(site.post.mailroom.mailed) == 2
    assert "1 could not be" in browser.get(LIST).text


def test_everything_that_matches_is_replayed_in_the_background(site: ConsoleSite) -> None:
    site.let_fail(5)
    customs = site.let_fail(2, context="customs")
    site.mend()
    browser = site.browser()

    send(browser, f"{LIST}/bulk/replay", everything("view=all&context=post"))
    before = len(site.ids())
    running = browser.get(LIST).text
    work_off(site)

    assert before == 5
    assert "Replaying 5 failed messages of post" in running
    assert site.ids() == []
    assert len(site.post.mailroom.mailed) == 5
    assert site.ids("customs") == list(customs)[::-1]


def test_each_context_has_a_job_of_its_own(site: ConsoleSite) -> None:
    site.let_fail(2)
    site.let_fail(3, context="customs")
    site.mend()

    send(site.browser(), f"{LIST}/bulk/replay", everything())
    work_off(site)

    assert sorted((job.done, job.total) for job in site.jobs.newest()) == [(2, 2), (3, 3)]
    assert len(site.customs.mailroom.mailed) == 3


def test_a_group_is_replayed_alone(site: ConsoleSite) -> None:
    site.let_fail(2)
    unreadable = site.park_unreadable()
    site.mend()
    browser = site.browser()
    [largest] = site.views["post"].failed_groups(FailedMessageSearch(), limit=1)
    query = f"view=all&context=post&group={largest.group}"

    listed = browser.get(f"{LIST}?{query}").text
    send(browser, f"{LIST}/bulk/replay", everything(query))
    work_off(site)

    assert listed.count('<tr id="row-') == 2
    assert site.ids() == [unreadable]
    assert len(site.post.mailroom.mailed) == 2


def test_a_form_that_is_sent_twice_orders_once(site: ConsoleSite) -> None:
    site.let_fail(3)
    site.mend()
    browser = site.browser()
    page = browser.get(f"{LIST}/confirm/replay?everything=1&query=view%3Dall").text
    fields = everything(hidden(page, "query"), hidden(page, "job"))

    for _ in range(2):
        send(browser, f"{LIST}/bulk/replay", fields)
    work_off(site)

    assert len(site.jobs.newest()) == 1
    assert len(site.post.mailroom.mailed) == 3


def test_progress_is_told_until_the_end(site: ConsoleSite) -> None:
    site.let_fail(3)
    site.mend()
    browser = site.browser()
    send(browser, f"{LIST}/bulk/replay", everything())
    [job] = site.jobs.newest()

    running = browser.get(f"/operations/jobs/{job.id}")
    site.post.work_off()
    finished = browser.get(
        f"/operations/jobs/{job.id}", headers={"If-None-Match": running.headers["ETag"]}
    )

    assert "3 left" in running.text
    assert "hx-trigger" in running.text
    assert "3 done" in finished.text
    assert "hx-trigger" not in finished.text


def test_a_job_can_be_stopped(site: ConsoleSite) -> None:
    failed = site.let_fail(3)
    browser = site.browser()
    send(browser, f"{LIST}/bulk/replay", everything())
    [job] = site.jobs.newest()

    send(browser, f"/operations/jobs/{job.id}/stop", [])
    site.post.work_off()

    assert sorted(site.ids()) == sorted(failed)
    assert "stopped by Olga" in browser.get(LIST).text
    assert ("Olga", "job.stop", "") in site.actions()


def test_all_deleted_ones_are_restored(site: ConsoleSite) -> None:
    failed = site.let_fail(3)
    browser = site.browser()
    send(
        browser,
        f"{LIST}/bulk/delete",
        [*everything(), ("reason", "not needed")],
    )
    work_off(site)
    gone = site.ids()

    send(browser, f"{LIST}/bulk/restore", everything("view=deleted"))
    work_off(site)

    assert gone == []
    assert sorted(site.ids()) == sorted(failed)
    assert ("Olga", "failed_message.delete_matching", "not needed") in site.actions()


def test_nothing_ticked_leads_back(site: ConsoleSite) -> None:
    browser = site.browser()

    location = send(browser, f"{LIST}/confirm/replay", [("query", "view=all")])

    assert location == f"{LIST}?view=all"
    assert "Tick some rows first" in browser.get(LIST).text


@pytest.mark.parametrize("action", ["replay", "delete", "restore"])
@pytest.mark.parametrize("ids", [[], [("ids", "\0")]])
def test_who_chooses_nothing_does_nothing_to_anything(
    site: ConsoleSite, action: str, ids: list[tuple[str, str]]
) -> None:
    waiting, deleted = site.let_fail(2)
    browser = site.browser()
    send(browser, f"{LIST}/bulk/delete", [("ids", deleted), ("reason", "a test")])
    view = "deleted" if action == "restore" else "all"
    fields = [*ids, ("query", f"view={view}"), ("reason", "a test")]

    location = send(browser, f"{LIST}/bulk/{action}", fields)
    work_off(site)

    assert location == f"{LIST}?view={view}"
    assert "Tick some rows first" in browser.get(LIST).text
    assert site.jobs.newest() == []
    assert (site.ids(), site.ids(deleted=True)) == ([waiting], [deleted])


def test_conditions_that_are_too_long_are_refused_and_not_cut(site: ConsoleSite) -> None:
    failed = site.let_fail(1)
    query = f"view=all&q={'x' * 3_000}&context=customs"

    page = send(site.browser(), f"{LIST}/bulk/delete", [*everything(query), ("reason", "a test")])

    assert "<h1" in page
    assert site.jobs.newest() == []
    assert site.ids() == list(failed)


@pytest.mark.parametrize("address", [f"{LIST}/confirm/drop", "/operations/jobs/none"])
def test_unknown_actions_and_jobs_are_not_found(site: ConsoleSite, address: str) -> None:
    assert site.browser().get(address).status_code == 404
