import pytest
from werkzeug.datastructures import MultiDict

from app.web.paging import LAST_PAGE, ListRequest, Pagination, parse_list_request


def a_request(**arguments: str) -> ListRequest:
    return parse_list_request(
        "/tickets",
        MultiDict(arguments),
        sorts=("number", "age"),
        default_sort="age",
        default_descending=True,
        filters={"status": ("open", "closed"), "assignee": None},
    )


def test_an_address_without_arguments_asks_for_the_first_page_in_the_usual_order() -> None:
    wish = a_request()

    assert (wish.page, wish.size, wish.offset) == (1, 25, 0)
    assert (wish.sort, wish.descending) == ("age", True)
    assert not wish.is_filtered


def test_page_size_order_search_and_filters_come_from_the_address() -> None:
    wish = a_request(page="3", size="50", sort="number", q=" tax ", status="open", assignee="ada")

    assert (wish.page, wish.size, wish.offset) == (3, 50, 100)
    assert (wish.sort, wish.descending, wish.search) == ("number", False, "tax")
    assert wish.filters == {"status": "open", "assignee": "ada"}


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1e9", "\u0663", "9" * 5000])
def test_a_page_that_makes_no_sense_is_the_first_or_within_bounds(page: str) -> None:
    assert 1 <= a_request(page=page).page <= LAST_PAGE


def test_sizes_orders_and_filter_values_that_are_not_offered_are_ignored() -> None:
    wish = a_request(size="100000", sort="password", direction="asc", status="everything")

    assert (wish.size, wish.sort, wish.descending, wish.filters) == (25, "age", True, {})


def test_text_is_bounded_and_free_of_the_zero_that_postgresql_refuses() -> None:
    wish = a_request(q="a\x00b" + "c" * 500, assignee="\x00")

    assert wish.search.startswith("abcc")
    assert len(wish.search) == 200
    assert wish.filters == {}


def test_a_link_keeps_what_it_does_not_change_and_leads_to_the_first_page() -> None:
    wish = a_request(page="4", q="tax & more", size="50", unknown="kept")

    assert wish.url(status="open") == "/tickets?q=tax+%26+more&size=50&unknown=kept&status=open"
    assert wish.url(page=5) == "/tickets?q=tax+%26+more&size=50&unknown=kept&page=5"


def test_sorting_by_the_same_column_again_turns_the_order() -> None:
    assert a_request().sort_url("number") == "/tickets?sort=number&direction=asc"
    turned = a_request(sort="number", direction="asc").sort_url("number")
    assert turned == "/tickets?sort=number&direction=desc"
    back = a_request(sort="number", direction="desc").sort_url("number")
    assert back == "/tickets?sort=number&direction=asc"


def test_clearing_filters_keeps_order_and_size() -> None:
    wish = a_request(q="tax", status="open", size="50", sort="number", page="2")

    assert wish.unfiltered_url() == "/tickets?size=50&sort=number"


def test_a_filter_form_sends_along_what_it_does_not_show() -> None:
    wish = a_request(q="tax", status="open", size="50", view="mine", page="2")

    assert wish.kept_by_filters == [("size", "50"), ("view", "mine")]


def test_a_filter_cannot_take_a_name_that_lists_use_themselves() -> None:
    with pytest.raises(ValueError, match="size"):
        parse_list_request("/tickets", MultiDict(), filters={"size": None})


def test_the_pager_says_where_one_is_and_where_one_can_go() -> None:
    first = Pagination(request=a_request(), shown=25, total=60)
    middle = Pagination(request=a_request(page="2"), shown=25, total=60)
    last = Pagination(request=a_request(page="3"), shown=10, total=60)

    assert (first.first, first.last, first.previous_url) == (1, 25, None)
    assert middle.previous_url == "/tickets?page=1"
    assert middle.next_url == "/tickets?page=3"
    assert (last.first, last.last, last.next_url) == (51, 60, None)


def test_where_counting_stopped_there_is_a_next_page_until_one_is_empty() -> None:
    more = Pagination(request=a_request(), shown=25, total=25, total_is_exact=False)
    end = Pagination(request=a_request(page="9"), shown=0, total=25, total_is_exact=False)

    assert more.next_url == "/tickets?page=2"
    assert (end.next_url, end.first) == (None, 0)
