from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.web.charts import Span, sparkline_points, waterfall

BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


def a_span(name: str, parent: str | None, start_ms: int, took_ms: int) -> Span:
    return Span(
        id=name,
        parent=parent,
        name=name,
        service="web",
        started_at=BEGIN + timedelta(milliseconds=start_ms),
        took=timedelta(milliseconds=took_ms),
    )


def test_a_sparkline_runs_from_left_to_right_and_is_high_where_values_are() -> None:
    assert sparkline_points([0, 5, 10]) == "2.0,22.0 48.0,12.0 94.0,2.0"


def test_one_value_or_none_makes_no_line_and_only_zeros_a_flat_one() -> None:
    assert sparkline_points([]) == sparkline_points([7]) == ""
    assert sparkline_points([0, 0]) == "2.0,22.0 94.0,22.0"


def test_children_follow_their_parent_and_lie_deeper() -> None:
    spans = [
        a_span("late child", "root", 60, 40),
        a_span("root", None, 0, 100),
        a_span("grandchild", "early child", 20, 5),
        a_span("early child", "root", 10, 30),
    ]

    drawing = waterfall(spans)

    assert [(bar.span.id, bar.depth) for bar in drawing.bars] == [
        ("root", 0),
        ("early child", 1),
        ("grandchild", 2),
        ("late child", 1),
    ]
    assert [(bar.left, bar.width) for bar in drawing.bars] == [
        (0, 1000),
        (100, 300),
        (200, 50),
        (600, 400),
    ]
    assert drawing.total == timedelta(milliseconds=100)
    assert drawing.marks[-1] == drawing.total


def test_a_span_without_its_parent_is_still_drawn_and_a_circle_ends() -> None:
    lost = waterfall([a_span("lost", "never recorded", 0, 1)])
    circle = waterfall([a_span("a", "b", 0, 1), a_span("b", "a", 0, 1), a_span("c", "c", 0, 1)])

    assert [bar.span.id for bar in lost.bars] == ["lost"]
    assert [bar.span.id for bar in circle.bars] == ["c"]


def test_a_span_that_took_no_time_can_be_seen_within_the_drawing() -> None:
    drawing = waterfall([a_span("root", None, 0, 100), a_span("instant", "root", 100, 0)])

    instant = drawing.bars[1]
    assert instant.width == 3
    assert instant.left + instant.width <= 1000


def test_a_very_deep_trace_is_drawn() -> None:
    spans = [a_span(str(n), str(n - 1) if n else None, n, 1) for n in range(3000)]

    assert waterfall(spans).bars[-1].depth == 2999


def test_no_spans_make_an_empty_drawing() -> None:
    assert waterfall([]).bars == ()


def test_a_long_time_without_work_is_cut_short_and_said() -> None:
    drawing = waterfall([a_span("report", None, 0, 100), a_span("replay", "report", 60_000, 100)])

    report, replay = drawing.bars
    [cut] = drawing.cuts
    assert cut.took == timedelta(milliseconds=59_900)
    assert (report.left, report.width) == (0, 475)
    assert (cut.left, cut.width) == (475, 50)
    assert (replay.left, replay.width) == (525, 475)
    assert drawing.marks[0] == timedelta(0)
    assert drawing.marks[-1] == drawing.total == timedelta(milliseconds=60_100)


def test_a_pause_that_is_no_longer_than_the_work_is_to_scale() -> None:
    drawing = waterfall([a_span("one", None, 0, 100), a_span("two", None, 250, 150)])

    assert drawing.cuts == ()
    assert drawing.bars[1].left == 625


def test_any_number_of_long_pauses_leaves_room_for_the_work() -> None:
    drawing = waterfall([a_span(str(n), None, n * 1_000_000, 10) for n in range(100)])

    assert len(drawing.cuts) == 99
    assert sum(cut.width for cut in drawing.cuts) <= 401
    assert drawing.bars[-1].left + drawing.bars[-1].width <= 1001


def test_a_wait_is_drawn_up_to_the_bar() -> None:
    drawing = waterfall(
        [
            a_span("sent", None, 0, 100),
            replace(a_span("received", "sent", 50, 50), waited=timedelta(milliseconds=30)),
        ]
    )

    assert (drawing.bars[1].wait_left, drawing.bars[1].wait_width) == (200, 300)
    assert drawing.bars[0].wait_width == 0
