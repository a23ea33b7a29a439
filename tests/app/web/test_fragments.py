from flask import Flask

from app.web.fragments import is_fragment_request, live_region


class Region:
    """A site whose one region counts how often it was drawn."""

    def __init__(self) -> None:
        self.version = 1
        self.drawn = 0
        app = Flask("region under test")
        app.add_url_rule("/region", view_func=lambda: live_region([self.version], self.draw))
        self.client = app.test_client()

    def draw(self) -> str:
        self.drawn += 1
        return f"version {self.version}"

    def ask(self, tag: str | None = None, url: str = "/region") -> tuple[int, str, str]:
        headers = {"If-None-Match": tag} if tag else {}
        response = self.client.get(url, headers=headers)
        return response.status_code, response.text, response.headers["ETag"]


def test_an_unchanged_region_is_answered_without_drawing_it() -> None:
    region = Region()
    _, _, tag = region.ask()

    assert region.ask(tag) == (304, "", tag)
    assert region.drawn == 1


def test_a_changed_region_is_drawn_and_gets_another_tag() -> None:
    region = Region()
    _, _, tag = region.ask()
    region.version = 2

    status, text, new_tag = region.ask(tag)

    assert (status, text) == (200, "version 2")
    assert new_tag != tag


def test_a_tag_that_a_proxy_weakened_still_counts() -> None:
    region = Region()
    _, _, tag = region.ask()

    assert region.ask(f"W/{tag}")[0] == 304


def test_the_same_version_at_another_address_is_another_drawing() -> None:
    region = Region()
    _, _, tag = region.ask()

    assert region.ask(tag, "/region?status=open")[0] == 200


def test_going_back_in_history_asks_for_a_page_and_not_a_part() -> None:
    app = Flask("requests under test")
    part = {"HX-Request": "true"}
    back = {**part, "HX-History-Restore-Request": "true"}

    with app.test_request_context(headers=part):
        assert is_fragment_request()
    with app.test_request_context(headers=back):
        assert not is_fragment_request()
    with app.test_request_context():
        assert not is_fragment_request()
