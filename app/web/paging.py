"""Which part of a list a visitor asks for, read from the address and bounded.

Everything a list shows lives in its address: page, size, order, search text and filters. Values
that make no sense are replaced by the default instead of refused, since people edit addresses by
hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

SIZES = (25, 50, 100)
LAST_PAGE = 10_000
LONGEST_TEXT = 200
_MOST_ARGUMENTS = 40
_OWN_ARGUMENTS = ("page", "size", "sort", "direction", "q")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """A wish for one page of a list; search and filter texts are trimmed, 200 long at most."""

    path: str
    page: int = 1
    size: int = SIZES[0]
    sort: str = ""
    descending: bool = False
    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    filter_names: Sequence[str] = ()
    """The filters this list knows, whether they are on or not."""
    arguments: Sequence[tuple[str, str]] = ()
    """All arguments as they came, so that links keep what this page does not know."""

    @property
    def kept_by_filters(self) -> list[tuple[str, str]]:
        """What a filter form has to send along, so that searching keeps order, size and view."""
        own = {"q", "page", *self.filter_names}
        return [(name, value) for name, value in self.arguments if name not in own]

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.filters)

    def url(self, **changes: str | int | None) -> str:
        """The address with some arguments changed; ``None`` or an empty text removes one.

        Any change but one of ``page`` leads back to the first page.
        """
        dropped = set(changes)
        if "page" not in changes:
            dropped.add("page")
        kept = [(name, value) for name, value in self.arguments if name not in dropped]
        added = [(name, str(value)) for name, value in changes.items() if value not in (None, "")]
        query = urlencode([*kept, *added])
        return f"{self.path}?{query}" if query else self.path

    def sort_url(self, column: str) -> str:
        """The address that orders by the column, the other way round when it does already."""
        turned = self.sort == column and not self.descending
        return self.url(sort=column, direction="desc" if turned else "asc")

    def unfiltered_url(self) -> str:
        """The address with order and size, but without search text and filters."""
        return self.url(**dict.fromkeys([*self.filters, "q"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pagination:
    """How the page that is shown lies in the whole list.

    ``total_is_exact`` is false where counting stopped at a bound: there are at least ``total``.
    """

    request: ListRequest
    shown: int
    total: int
    total_is_exact: bool = True
    sizes: Sequence[int] = SIZES

    @property
    def first(self) -> int:
        return self.request.offset + 1 if self.shown else 0

    @property
    def last(self) -> int:
        return self.request.offset + self.shown

    @property
    def previous_url(self) -> str | None:
        return self.request.url(page=self.request.page - 1) if self.request.page > 1 else None

    @property
    def next_url(self) -> str | None:
        more = self.last < self.total or not self.total_is_exact
        if not self.shown or not more or self.request.page >= LAST_PAGE:
            return None
        return self.request.url(page=self.request.page + 1)


def parse_list_request(
    path: str,
    arguments: MultiDict[str, str],
    *,
    sorts: Sequence[str] = (),
    default_sort: str = "",
    default_descending: bool = False,
    filters: Mapping[str, Sequence[str] | None] | None = None,
    sizes: Sequence[int] = SIZES,
) -> ListRequest:
    """Read page, size, sort, direction, ``q`` and the named filters from ``arguments``.

    ``sorts`` are the columns that may be ordered by. ``filters`` names each filter with the values
    it may have, or ``None`` where any text goes. A filter that is absent or impossible is left
    out.
    """
    sort = arguments.get("sort", "")
    direction = arguments.get("direction", "")
    known_sort = sort in sorts
    return ListRequest(
        path=path,
        page=_bounded(arguments.get("page", ""), least=1, most=LAST_PAGE, default=1),
        size=_chosen_size(arguments.get("size", ""), sizes),
        sort=sort if known_sort else default_sort,
        descending=direction == "desc" if known_sort else default_descending,
        search=_text(arguments.get("q", "")),
        filters=_filters(arguments, filters or {}),
        filter_names=tuple(filters or ()),
        arguments=tuple(
            (name, _text(value))
            for name, value in list(arguments.items(multi=True))[:_MOST_ARGUMENTS]
        ),
    )


def _filters(
    arguments: MultiDict[str, str], allowed: Mapping[str, Sequence[str] | None]
) -> dict[str, str]:
    reserved = [name for name in allowed if name in _OWN_ARGUMENTS]
    if reserved:
        raise ValueError(f"a list cannot have filters named {', '.join(reserved)}")
    chosen: dict[str, str] = {}
    for name, values in allowed.items():
        value = _text(arguments.get(name, ""))
        if value and (values is None or value in values):
            chosen[name] = value
    return chosen


def _text(value: str) -> str:
    # PostgreSQL refuses text with a zero character, which any address can carry.
    return value.replace("\x00", "").strip()[:LONGEST_TEXT]


def _bounded(value: str, *, least: int, most: int, default: int) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        return default
    return min(max(int(value), least), most)


def _chosen_size(value: str, sizes: Sequence[int]) -> int:
    return next((size for size in sizes if str(size) == value), sizes[0])
