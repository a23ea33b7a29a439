from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from flask import Flask, flash, render_template_string
from jinja2 import UndefinedError

from app.web.components import Change, HistoryEntry
from tests.app.web.conftest import a_frame, a_site

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EVIL = '"><script>alert(1)</script>'


def drawn(source: str, **values: object) -> str:
    app: Flask = a_site(now=lambda: NOW)
    with app.test_request_context():
        return render_template_string('{% import "components.html" as ui %}' + source, **values)


def test_a_time_shows_its_distance_and_carries_the_exact_moment() -> None:
    moment = datetime(2026, 11, 21, 11, 57, tzinfo=UTC)

    assert drawn("{{ ui.relative_time(moment) }}", moment=moment) == (
        '<time datetime="2026-11-21T11:57:00.000Z" title="21 Nov 2026, 11:57:00 UTC" data-relative>'
        "3 min ago</time>"
    )
    assert "never" in drawn("{{ ui.relative_time(none) }}")


def test_a_variable_that_was_forgotten_is_an_error_and_not_an_empty_text() -> None:
    with pytest.raises(UndefinedError, match="forgotten"):
        drawn("{{ forgotten }}")


def test_an_icon_that_was_not_vendored_is_refused() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        drawn("{{ icon('unicorn') }}")


def test_an_icon_is_decoration_unless_it_has_a_label() -> None:
    assert 'aria-hidden="true"' in drawn("{{ icon('home') }}")
    assert 'role="img" aria-label="&#34;home&#34;"' in drawn("{{ icon('home', '\"home\"') }}")


@pytest.mark.parametrize(
    ("call", "values"),
    [
        ("{{ ui.tag(evil) }}", {}),
        ("{{ ui.copy_id(evil, evil) }}", {}),
        ("{{ ui.person(evil) }}", {}),
        ("{{ ui.stat_tile(evil, evil, 'danger', evil, evil) }}", {}),
        ("{{ ui.empty_state('new', evil, evil, evil, evil) }}", {}),
        ("{{ ui.json_block({'text': evil}, evil, 'json') }}", {}),
        ("{{ ui.stacktrace(evil) }}", {}),
        ("{{ ui.post_button(evil, evil, refused=evil) }}", {}),
        ("{{ ui.post_button(evil, evil, fields={evil: evil}) }}", {}),
        ("{% call ui.confirm_dialog(evil, evil, evil, evil, must_equal=evil) %}{% endcall %}", {}),
        ("{{ ui.timeline([entry]) }}", {"entry": HistoryEntry(
            id="1", at=NOW, who=EVIL, what=EVIL, text=EVIL, url=EVIL,
            changes=[Change(field=EVIL, old=EVIL, new=EVIL)],
        )}),
    ],
)  # fmt: skip
def test_what_people_wrote_never_becomes_markup(call: str, values: Mapping[str, object]) -> None:
    text = drawn(call, evil=EVIL, **values)

    assert "<script>" not in text
    assert "alert(1)" in text


def test_what_was_flashed_is_shown_with_its_meaning_and_escaped() -> None:
    app = a_site()
    app.add_url_rule("/flashing", view_func=_flash_and_draw)

    text = app.test_client().get("/flashing").text

    assert "notice is-success" in text
    assert "&lt;b&gt;taken&lt;/b&gt;" in text


def _flash_and_draw() -> str:
    flash("<b>taken</b>", "success")
    return render_template_string('{% import "components.html" as ui %}{{ ui.flashes() }}')


def test_operations_pages_say_how_many_messages_failed_and_others_do_not_ask() -> None:
    asked: list[int] = []

    def count() -> int:
        asked.append(1)
        return 1204

    def frame() -> object:
        base = a_frame()
        return type(base)(navigation=base.navigation, user=base.user, failed_messages=count)

    client = a_site(frame=frame).test_client()  # type: ignore[arg-type]

    assert "1,204 failed messages" not in client.get("/styleguide").text
    assert asked == []
    page = client.get("/styleguide/operations").text
    assert 'class="operations-banner"' in page
    assert '<a href="/operations/failed-messages">1,204 failed messages</a>' in page
    assert len(asked) == 1


def test_where_nothing_failed_there_is_no_banner() -> None:
    client = a_site(frame=lambda: a_frame(failed=0)).test_client()

    page = client.get("/styleguide/operations").text

    # The place for it stays, so that a finished job can put it there.
    assert '<div id="operations-banner">\n</div>' in page
    assert 'class="operations-banner"' not in page


def test_a_finished_job_comes_back_without_the_trigger_that_asks_for_it() -> None:
    client = a_site().test_client()

    running = client.get("/styleguide/job?step=1").text
    finished = client.get("/styleguide/job?step=9").text

    assert 'hx-trigger="tick from:body"' in running
    assert "hx-" not in finished
    assert "data-job-running" not in finished
    assert "98 done" in finished
