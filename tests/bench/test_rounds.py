import pytest

from bench.rounds import Effort, interleaved, percentile, wait_until


def test_works_take_turns_and_their_medians_are_found() -> None:
    calls: list[str] = []

    def work(name: str, values: list[float]) -> float:
        calls.append(name)
        return values.pop(0)

    ours, floor = [3.0, 1.0, 2.0], [30.0, 900.0, 20.0]
    found = interleaved(
        {"ours": lambda _: work("ours", ours), "floor": lambda _: work("floor", floor)}, rounds=3
    )

    assert calls == ["ours", "floor"] * 3
    assert found == {"ours": 2.0, "floor": 30.0}


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([float(one) for one in range(100, 0, -1)], percent) == value


def test_the_percentile_of_few_values_is_one_of_the_worst() -> None:
    assert percentile([1.0, 2.0, 9.0], 99) == 9.0


def test_less_effort_still_measures_something() -> None:
    effort = Effort(0.001)

    assert (effort.count(300), effort.count(300, least=5)) == (1, 5)
    assert Effort().count(300) == 300


def test_waiting_in_vain_ends() -> None:
    with pytest.raises(TimeoutError, match="a miracle"):
        wait_until(lambda: False, limit_s=0.01, every_s=0.001, what="a miracle")
