import time

import pytest

from adapters.sql_broker.topology import Binding, Topology, topic_matches


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("a.b", "a.b"),
        ("a.*", "a.b"),
        ("*.b", "a.b"),
        ("#", "a.b.c"),
        ("#", ""),
        ("a.#", "a"),
        ("a.#", "a.b.c"),
        ("#.c", "a.b.c"),
        ("#.c", "c"),
        ("a.#.d", "a.d"),
        ("a.#.d", "a.b.c.d"),
        ("#.b.#", "a.b.c"),
        ("*.*", "a.b"),
        ("", ""),
        ("a+b.(c)", "a+b.(c)"),
    ],
)
def test_a_topic_fits(pattern: str, key: str) -> None:
    assert topic_matches(pattern, key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("a.b", "a.c"),
        ("a.b", "a.b.c"),
        ("a.*", "a"),
        ("a.*", "a.b.c"),
        ("*", ""),
        ("a.#", "b.a"),
        ("#.c", "a.b"),
        ("a.#.d", "a.b.c"),
        ("", "a"),
        ("a.b", ""),
        (".*", "ab"),
    ],
)
def test_a_topic_does_not_fit(pattern: str, key: str) -> None:
    assert not topic_matches(pattern, key)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    started = time.process_time()

    assert not topic_matches(".".join(["#", "a"] * 60 + ["b"]), ".".join(["a"] * 120))

    assert time.process_time() - started < 5


def test_many_different_keys_are_routed_without_being_remembered_for_ever() -> None:
    topology = Topology.of(
        version=1,
        exchanges={"events": "topic"},
        bindings=[Binding(exchange="events", routing_key="#", queue="all")],
    )

    for number in range(10_000):
        assert topology.route("events", f"key.{number}") == ("all",)

    assert len(topology._routes) <= 4096
