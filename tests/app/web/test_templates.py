"""What the content security policy would refuse in a browser is refused here already."""

import re
from pathlib import Path

import pytest

from app.web.static_files import FOLDER, StaticFiles

APP = Path(__file__).resolve().parents[3] / "app"
ALL_TEMPLATES = sorted(APP.rglob("*.html"))
# Statements and comments are not sent; expressions are, but what they hold is checked elsewhere.
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_FORBIDDEN = {
    "a style attribute": re.compile(r"\sstyle\s*=\s*[\"'{]"),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script inside the page": re.compile(r"<script\b(?![^>]*\bsrc=)", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>]*\son[a-z]+\s*=\s*[\"'{]", re.IGNORECASE),
    "code for htmx to evaluate": re.compile(
        r"\bhx-on|hx-trigger=\"[^\"]*\[|=\"(?:js|javascript):", re.IGNORECASE
    ),
    "a file from another host": re.compile(
        r"<(?:script|link|img|iframe|source|use)\b[^>]*(?:src|href)=\"(?:https?:)?//",
        re.IGNORECASE,
    ),
}


def complaints(source: str) -> list[str]:
    bare = _JINJA.sub("", source)
    return [what for what, pattern in _FORBIDDEN.items() if pattern.search(bare)]


@pytest.mark.parametrize("path", ALL_TEMPLATES, ids=lambda path: str(path.relative_to(APP)))
def test_a_template_holds_nothing_that_the_policy_refuses(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('<p style="color: red">', "a style attribute"),
        ("<style>p { color: red }</style>", "a style element"),
        ("<script>alert(1)</script>", "a script inside the page"),
        ('<button type="button" onclick="go()">', "an event attribute"),
        ('<p hx-trigger="click[ctrlKey]" hx-get="/x">', "code for htmx to evaluate"),
        ('<p hx-on:click="go()">', "code for htmx to evaluate"),
        ('<img src="https://example.com/a.png">', "a file from another host"),
    ],
)
def test_each_forbidden_thing_is_noticed(source: str, what: str) -> None:
    assert complaints(source) == [what]


def test_icons_that_templates_name_are_vendored() -> None:
    sprite = StaticFiles(FOLDER).find("vendor/icons.svg")
    assert sprite is not None
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite.content.decode()))
    named = {
        (str(path.relative_to(APP)), name)
        for path in ALL_TEMPLATES
        for name in re.findall(r"\bicon\(\s*[\"']([a-z0-9-]+)[\"']", path.read_text("utf-8"))
    }

    assert named
    assert sorted(place for place in named if place[1] not in known) == []
