"""What the frame around a page needs to know. Whoever composes the application fills it in.

Nothing here names an endpoint: a deployment that runs one context alone lists that context only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


def _nobody_failed() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationItem:
    """One link. ``count`` is shown beside it when it is above zero, loudly if ``alarming``."""

    label: str
    url: str
    icon: str
    count: int | None = None
    alarming: bool = False
    external: bool = False

    def is_current(self, path: str) -> bool:
        """Tell whether a page at ``path`` belongs to this item: the same address or below it."""
        own = self.url.rstrip("/")
        return path.rstrip("/") == own or (own != "" and path.startswith(own + "/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationGroup:
    label: str
    items: tuple[NavigationItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInUser:
    """Who is looking. ``links`` lead to the own account; ``sign_out_url`` takes a POST."""

    display_name: str
    role: str
    sign_out_url: str
    links: tuple[NavigationItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchBox:
    """Where the box in the top bar asks, by GET with the text in the argument ``q``."""

    url: str
    placeholder: str = "Search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The surroundings of one page for one visitor.

    ``user`` is ``None`` for strangers and customers. ``failed_messages`` is called by operations
    pages only, at most once for each page.
    """

    home_url: str = "/"
    navigation: tuple[NavigationGroup, ...] = ()
    user: SignedInUser | None = None
    search: SearchBox | None = None
    public_links: tuple[NavigationItem, ...] = ()
    help_address: str | None = None
    failed_messages: Callable[[], int] = field(default=_nobody_failed)
    failed_messages_url: str = "/operations/failed-messages"

    def current_item(self, path: str) -> NavigationItem | None:
        """The item under which the page at ``path`` lies: the one with the longest address."""
        matching = [
            item for group in self.navigation for item in group.items if item.is_current(path)
        ]
        return max(matching, key=lambda item: len(item.url), default=None)
