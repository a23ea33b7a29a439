import pytest

from bench.lines import Line, Unit, Verdict, Wanted, at_most, ratio_at_least, ratio_at_most


def a_line(
    *, ours: float, floor: float | None = None, unit: Unit = Unit.PER_SECOND, wanted: Wanted | None
) -> Line:
    return Line(figure="f", what="w", ours=ours, floor=floor, unit=unit, wanted=wanted)


@pytest.mark.parametrize(
    ("ours", "floor", "wanted", "verdict"),
    [
        (600.0, 1000.0, ratio_at_least(0.6), Verdict.OK),
        (599.0, 1000.0, ratio_at_least(0.6), Verdict.MISSED),
        (1.3, 1.0, ratio_at_most(1.3), Verdict.OK),
        (1.4, 1.0, ratio_at_most(1.3), Verdict.MISSED),
        (25.0, None, at_most(25), Verdict.OK),
        (25.1, None, at_most(25), Verdict.MISSED),
        (0.0, None, at_most(16), Verdict.OK),
        (1.0, 1000.0, None, Verdict.INFORMAL),
    ],
)
def test_a_line_is_as_wanted_or_missed(
    ours: float, floor: float | None, wanted: Wanted | None, verdict: Verdict
) -> None:
    assert a_line(ours=ours, floor=floor, wanted=wanted).verdict is verdict


def test_a_ratio_that_is_wanted_without_a_floor_is_missed() -> None:
    assert a_line(ours=1.0, wanted=ratio_at_least(0.6)).verdict is Verdict.MISSED


def test_people_see_rounded_values_with_their_units() -> None:
    line = a_line(ours=1234.56, floor=1500.0, wanted=ratio_at_least(0.6))

    assert line.cells() == {
        "figure": "f",
        "what": "w",
        "ours": "1235/s",
        "floor": "1500/s",
        "ratio": "0.82",
        "wanted": "ratio ≥ 0.6",
        "verdict": "ok",
        "load": "",
    }


def test_a_bound_of_ours_is_shown_in_its_unit() -> None:
    line = a_line(ours=9.876, unit=Unit.MICROSECONDS, wanted=at_most(20))

    assert (line.cells()["ours"], line.cells()["wanted"]) == ("9.88 µs", "≤ 20 µs")


def test_programs_get_the_values_as_measured() -> None:
    line = a_line(ours=1234.56, floor=1500.0, wanted=ratio_at_least(0.6))

    values = line.values()

    assert (values["ours"], values["floor"], values["unit"]) == (1234.56, 1500.0, "/s")
    assert values["ratio"] == 1234.56 / 1500.0
