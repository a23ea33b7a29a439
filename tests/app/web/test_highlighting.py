from app.web.highlighting import LIMIT_CHARACTERS, characters_cut_off, highlighted_json


def test_json_is_indented_and_its_parts_are_told_apart_by_class() -> None:
    drawn = highlighted_json(b'{"id":7,"open":true,"by":"ada"}')

    assert '<span class="nt">"id"</span>' in drawn
    assert '<span class="mi">7</span>' in drawn
    assert '<span class="kc">true</span>' in drawn
    assert drawn.count("\n") >= 4


def test_markup_inside_a_value_stays_text() -> None:
    drawn = highlighted_json({"note": "</pre><script>alert(1)</script>"})

    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_what_is_no_json_is_shown_as_it_is_and_escaped() -> None:
    assert highlighted_json("not <b>json") == "not &lt;b&gt;json"
    assert "\ufffd" in highlighted_json(b"\xff\xfe")


def test_no_colour_is_set_in_the_markup_itself() -> None:
    assert "style=" not in highlighted_json({"a": [1, 2.5, None]})


def test_a_giant_body_is_cut_and_says_by_how_much() -> None:
    text = '"' + "x" * (LIMIT_CHARACTERS + 500) + '"'

    assert characters_cut_off(text) == 502
    assert characters_cut_off("{}") == 0
    assert len(highlighted_json(text)) < LIMIT_CHARACTERS + 200
