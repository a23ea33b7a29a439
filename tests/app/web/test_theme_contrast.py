import re

import pytest

from app.web.static_files import FOLDER

STYLE = (FOLDER / "thicket.css").read_text(encoding="utf-8")
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLE
    )
}
MEANINGS = ("primary", "success", "warning", "danger", "info", "note", "neutral")
GROUNDS = ("page", "surface", "raised", "sunken", "hover")
LEAST_FOR_TEXT = 4.5
LEAST_FOR_EDGES = 3.0


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> list[tuple[str, str, float]]:
    words = [("text", ground) for ground in GROUNDS] + [("muted", ground) for ground in GROUNDS]
    words += [(meaning, ground) for meaning in MEANINGS for ground in (*GROUNDS, f"{meaning}-tint")]
    words += [("text", f"{meaning}-tint") for meaning in MEANINGS]
    edges = [("line-strong", ground) for ground in ("surface", "page")]
    return [(ink, ground, LEAST_FOR_TEXT) for ink, ground in words] + [
        (ink, ground, LEAST_FOR_EDGES) for ink, ground in edges
    ]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_on_every_ground_it_stands_on(theme: int) -> None:
    too_faint = [
        (ink, ground, round(contrast(TOKENS[ink][theme], TOKENS[ground][theme]), 2))
        for ink, ground, least in pairs()
        if contrast(TOKENS[ink][theme], TOKENS[ground][theme]) < least
    ]

    assert too_faint == []


def test_contrast_is_measured_as_the_guidelines_define_it() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48
