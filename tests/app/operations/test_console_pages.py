import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ports.outbound.operations import FailedMessageSearch, Heartbeat
from ports.outbound.telemetry import SpanKind
from ports.outbound.traces import SpanRecord
from tests.app.operations.site import ConsoleSite
from tests.suites.builders import a_delivery
from tests.suites.store_fixtures import committed

TRACE = "0af7651916cd43dd8448eb211c80319c"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def beat(site: ConsoleSite, kind: str, *, pid: int = 4711) -> Heartbeat:
    heartbeat = Heartbeat(
        process=f"{kind}-{pid}",
        kind=kind,
        host="ash",
        pid=pid,
        channels=("post.mails",),
        started_at=site.clock.now(),
        seen_at=site.clock.now(),
        handled=17,
        failed=2,
    )
    site.heartbeats.beat(heartbeat)
    return heartbeat


def a_span(site: ConsoleSite, number: int, **changes: object) -> SpanRecord:
    span = SpanRecord(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id="" if number == 1 else f"{number - 1:016x}",
        name=f"Step {number}",
        kind=SpanKind.INTERNAL,
        service="post",
        started_at=site.clock.now() + timedelta(milliseconds=number),
        duration=timedelta(milliseconds=10),
        attributes={
            "message.correlation_id": "talk-1",
            "message.kind": "event",
            "endpoint": "mailroom.receipt",
        },
    )
    return replace(span, **changes)  # type: ignore[arg-type]


def test_the_overview_says_that_all_is_well(site: ConsoleSite) -> None:
    beat(site, "worker")
    beat(site, "relay")

    page = text_of(site.browser().get("/operations/").text)

    assert "All well" in page
    assert "Sign in there as operator." in page


def test_the_overview_names_what_needs_somebody(site: ConsoleSite) -> None:
    beat(site, "worker")
    beat(site, "relay")
    site.let_fail(2)
    site.clock.advance(timedelta(seconds=1))

    page = text_of(site.browser().get("/operations/").text)

    assert "1 thing needs you" in page
    assert "2 failed messages" in page
    assert "mostly MailServerIsDown" in page


def test_the_overview_is_not_drawn_again_while_nothing_changes(site: ConsoleSite) -> None:
    beat(site, "worker")
    browser = site.browser()
    first = browser.get("/operations/figures")
    tag = {"If-None-Match": first.headers["ETag"]}

    unchanged = browser.get("/operations/figures", headers=tag)
    site.let_fail(1)
    changed = browser.get("/operations/figures", headers=tag)

    assert unchanged.status_code == 304
    assert changed.status_code == 200


def test_the_overview_tells_who_did_what(site: ConsoleSite) -> None:
    [failed] = site.let_fail(1)
    browser = site.browser()
    browser.post(
        f"/operations/failed-messages/{failed}/delete",
        {"reason": "a test mail"},
        seen="/operations/failed-messages",
    )

    page = text_of(browser.get("/operations/").text)

    assert "Olga deleted a failed message" in page
    assert "a test mail" in page


def test_projections_tell_position_head_and_lag(site: ConsoleSite) -> None:
    site.post.send("p1")
    behind = text_of(site.browser().get("/operations/projections").text)
    site.post.work_off()
    caught_up = text_of(site.browser().get("/operations/projections").text)

    assert "0 / 1" in behind
    assert "1 / 1" in caught_up
    assert "caught up" in caught_up


def test_a_projection_is_paused_and_resumed(site: ConsoleSite) -> None:
    browser = site.browser()
    address = "/operations/projections/post/parcels"

    browser.post(f"{address}/pause", {"reason": "a look"}, seen=f"{address}/pause")
    site.post.send("p1")
    site.post.work_off()
    paused, page = list(site.post.parcels.parcels), browser.get("/operations/projections").text
    browser.post(f"{address}/resume", seen=f"{address}/resume")
    site.post.work_off()

    assert paused == []
    assert "paused" in text_of(page)
    assert site.post.parcels.parcels == ["p1"]
    assert ("Olga", "projection.pause", "a look") in site.actions()
    assert ("Olga", "projection.resume", "") in site.actions()


def test_a_rebuild_needs_a_reason_and_shows_its_progress(site: ConsoleSite) -> None:
    for number in range(3):
        site.post.send(f"p{number}")
    site.post.work_off()
    browser = site.browser()
    address = "/operations/projections/post/parcels/rebuild"

    refused = browser.post(address, {"reason": ""}, seen=address)
    untouched = list(site.post.parcels.parcels)
    browser.post(address, {"reason": "a column was added"}, seen=address)
    running = browser.get("/operations/projections").text
    site.post.work_off()
    finished = text_of(browser.get("/operations/projections").text)

    assert refused.status_code == 422
    assert len(untouched) == 3
    assert 'role="progressbar"' in running
    assert "asked by Olga" in text_of(running)
    assert "rebuilding" not in finished
    assert site.post.parcels.parcels == ["p0", "p1", "p2"]
    assert ("Olga", "projection.rebuild", "a column was added") in site.actions()


def test_a_failing_projection_shows_its_error(site: ConsoleSite) -> None:
    site.post.parcels.broken = True
    site.post.send("p1")
    site.post.work_off()

    page = text_of(site.browser().get("/operations/projections").text)

    assert "failing" in page
    assert "the list is broken" in page


@pytest.mark.parametrize("path", ["post/none/pause", "none/parcels/pause", "post/parcels/drop"])
def test_unknown_projections_and_actions_are_not_found(site: ConsoleSite, path: str) -> None:
    browser = site.browser()
    address = f"/operations/projections/{path}"

    assert browser.get(address).status_code == 404
    assert browser.post(address, {"reason": "why not"}, seen="/account").status_code == 404


def test_channels_tell_what_waits_where(site: ConsoleSite) -> None:
    site.post.send("p1")
    waiting = text_of(site.browser().get("/operations/channels").text)
    site.post.runtime.relay().pump()
    handed_over = text_of(site.browser().get("/operations/channels").text)

    assert "post.mails can do delay, priority, expiry, order in-memory 0 1 0 0" in waiting
    assert "post.mails can do delay, priority, expiry, order in-memory 1 0 0 0" in handed_over


def test_channels_tell_how_much_gets_done(site: ConsoleSite) -> None:
    site.mend()
    for number in range(10):
        site.post.send(f"p{number}")
    site.post.work_off()

    page = text_of(site.browser().get("/operations/channels").text)

    assert "none waits 2 post.lists" in page


def test_a_broker_that_is_away_is_said(site: ConsoleSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.post.network["post.mails"], "depth", lambda: None)
    browser = site.browser()

    assert "The broker cannot be reached" in browser.get("/operations/channels").text
    assert "The broker cannot be reached" in browser.get("/operations/").text


def test_messages_of_a_removed_channel_are_shown_until_they_are_rejected(
    site: ConsoleSite,
) -> None:
    waiting = [a_delivery(channel="post.letters"), a_delivery(channel="post.letters")]
    for delivery in waiting:
        committed(site.post.store, lambda unit, sent=delivery: unit.messages.add(sent))  # type: ignore[misc]
    browser = site.browser()

    channels = text_of(browser.get("/operations/channels").text)
    overview = text_of(browser.get("/operations/").text)
    site.post.runtime.removed_channels.reject("post.letters", actor="olga", reason="no letters")
    afterwards = text_of(browser.get("/operations/channels").text)

    assert "./thicket channel reject post.letters --reason TEXT" in channels
    assert "removed: no endpoint declares it 2" in channels
    assert "2 messages for the removed channel post.letters" in overview
    assert "post.letters" not in afterwards
    assert site.console.count_failed(FailedMessageSearch()) == 2


def test_consumers_tell_who_lives_and_who_may_be_dead(site: ConsoleSite) -> None:
    beat(site, "worker")
    browser = site.browser()
    alive = text_of(browser.get("/operations/consumers").text)
    site.clock.advance(timedelta(seconds=17))
    dead = text_of(browser.get("/operations/consumers").text)

    assert "worker 4711 ash" in alive
    assert "alive nothing 17 2" in alive
    assert "possibly dead" in dead


def test_traces_are_found_and_shown_with_their_errors(site: ConsoleSite) -> None:
    broken = a_span(
        site,
        2,
        failed=True,
        exception="post.Lost: <i>gone</i>",
        stack_trace='Traceback (most recent call last):\n  File "a.py", line 1, in lose\npost.Lost',
    )
    site.traces.save([a_span(site, 1), broken])
    site.clock.advance(timedelta(seconds=1))
    browser = site.browser()

    found = browser.get("/operations/traces?q=talk-1&view=errors").text
    page = browser.get(f"/operations/traces/{TRACE}").text

    assert f"/operations/traces/{TRACE}" in found
    assert "1 error" in text_of(found)
    assert "&lt;i&gt;gone&lt;/i&gt;" in page
    assert 'class="tone-0 depth-1 failed"' in page
    assert "mailroom.receipt" in page


@pytest.mark.parametrize(
    "query", ["q=nothing", "correlation_id=other", "at_least=5s", "age=1h&service=none"]
)
def test_traces_that_do_not_match_are_left_out(site: ConsoleSite, query: str) -> None:
    site.traces.save([a_span(site, 1)])

    page = site.browser().get(f"/operations/traces?{query}").text

    assert (f"/operations/traces/{TRACE}" in page) is (query == "age=1h&service=none")


@pytest.mark.parametrize("trace_id", ["f" * 32, "short", "G" * 32, "%00"])
def test_an_unknown_trace_is_not_found(site: ConsoleSite, trace_id: str) -> None:
    assert site.browser().get(f"/operations/traces/{trace_id}").status_code == 404


def test_the_first_page_of_traces_leads_to_the_next(site: ConsoleSite) -> None:
    for number in range(26):
        site.traces.save([a_span(site, 1, trace_id=f"{number:032x}")])
    browser = site.browser()

    first = browser.get("/operations/traces").text
    second = browser.get("/operations/traces?page=2").text

    assert first.count('<tr id="trace-') == 25
    assert 'rel="next"' in first
    assert second.count('<tr id="trace-') == 1
    assert 'rel="next"' not in second


def test_the_list_shows_what_sends_messages_unless_told_otherwise(site: ConsoleSite) -> None:
    ids = {"looked": "a" * 32, "sent": "b" * 32, "broke": "c" * 32}
    looked = {"http.request.method": "GET"}
    site.traces.save(
        [
            a_span(site, 1, trace_id=ids["looked"], attributes=looked),
            a_span(site, 1, trace_id=ids["sent"]),
            a_span(site, 1, trace_id=ids["broke"], attributes=looked, failed=True),
        ]
    )
    browser = site.browser()

    shown = {
        view: [name for name, found in ids.items() if f'id="trace-{found}"' in page]
        for view in ("", "messages", "errors", "all", "nonsense")
        for page in [browser.get(f"/operations/traces?view={view}").text]
    }

    assert shown == {
        "": ["sent"],
        "messages": ["sent"],
        "errors": ["broke"],
        "all": ["looked", "sent", "broke"],
        "nonsense": ["sent"],
    }


def test_a_search_that_finds_nothing_in_this_view_leads_to_everything(site: ConsoleSite) -> None:
    site.traces.save([a_span(site, 1, attributes={"http.request.method": "GET"})])

    page = site.browser().get(f"/operations/traces?q={TRACE}").text

    assert "view=all" in page[page.index("Nothing matches") :]


def test_waits_in_the_table_and_in_the_broker_are_told_apart(site: ConsoleSite) -> None:
    sending = a_span(site, 1, kind=SpanKind.PRODUCER, name="Sending", span_id="1" * 16)
    handing_over = replace(
        sending,
        span_id="2" * 16,
        parent_id=sending.span_id,
        name="hand over post.mails",
        started_at=sending.started_at + timedelta(milliseconds=40),
        attributes={"message_table.waited_ms": 30.0, "message_table.delayed_ms": 20.0},
    )
    receiving = replace(
        handing_over,
        span_id="3" * 16,
        parent_id=handing_over.span_id,
        kind=SpanKind.CONSUMER,
        name="Receiving",
        started_at=handing_over.started_at + timedelta(milliseconds=17),
        attributes={},
    )
    site.traces.save([sending, handing_over, receiving])

    page = text_of(site.browser().get(f"/operations/traces/{TRACE}").text)

    assert "after 30 ms in table" in page
    assert "after 7 ms in broker" in page
    assert "30 ms in the message table, 20 ms of it as a delay or before a retry" in page


def test_a_replay_and_the_request_for_it_lead_to_each_other(site: ConsoleSite) -> None:
    request, replayed = "d" * 32, "e" * 32
    link = f"00-{request}-{1:016x}-01"
    site.traces.save(
        [
            a_span(site, 1, trace_id=request, name="HTTP POST /replay"),
            a_span(site, 1, trace_id=replayed, name="HTTP POST /issues", links=(link,)),
        ]
    )
    browser = site.browser()

    there = browser.get(f"/operations/traces/{replayed}").text
    back = browser.get(f"/operations/traces/{request}").text

    assert f'href="/operations/traces/{request}">HTTP POST /replay</a>' in there
    assert f'href="/operations/traces/{replayed}">HTTP POST /issues</a>' in back
