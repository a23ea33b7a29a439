import pytest

from app.web.navigation import Frame, NavigationGroup, NavigationItem


def a_frame(*urls: str) -> Frame:
    items = tuple(NavigationItem(label=url, url=url, icon="home") for url in urls)
    return Frame(navigation=(NavigationGroup(label="Desk", items=items),))


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/operations", "/operations"),
        ("/operations/", "/operations"),
        ("/operations/failed-messages/7", "/operations/failed-messages"),
        ("/operations/failed-messages-old", "/operations"),
        ("/tickets/42", "/tickets"),
    ],
)
def test_the_item_with_the_longest_matching_address_is_current(path: str, url: str) -> None:
    frame = a_frame("/", "/tickets", "/operations", "/operations/failed-messages")

    current = frame.current_item(path)

    assert current is not None
    assert current.url == url


def test_the_start_page_is_current_on_itself_alone() -> None:
    frame = a_frame("/", "/tickets")

    assert frame.current_item("/") is frame.navigation[0].items[0]
    assert frame.current_item("/elsewhere") is None
