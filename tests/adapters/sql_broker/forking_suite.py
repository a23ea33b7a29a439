"""What a forked child does to the connections of its parent: the same on every database."""

import os
import traceback
from collections.abc import Callable

import pytest

from tests.adapters.sql_broker.brokers import (
    channel_to,
    connected,
    declare,
    get,
    get_all,
    open_channel,
    publish,
    ready,
    transport_of,
)
from tests.support.waiting import wait_until


class ForkingSuite:
    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError("a subclass provides the address of an empty broker")

    def test_a_child_that_closes_what_it_inherited_harms_nobody(self, url: str) -> None:
        with connected(url) as connection:
            channel = open_channel(connection)
            declare(channel, "work")
            publish(channel, "work", "a")
            held = get(channel, "work")

            def close_everything() -> None:
                channel.close()
                connection.release()

            _in_child(close_everything)

            assert ready(channel, "work") == 0, "the message is still held"
            held.ack()
            publish(channel, "work", "b")
            assert get_all(channel, "work") == ["b"]

    def test_a_child_publishes_through_a_connection_of_its_own(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")

            def publish_in_both_ways() -> None:
                publish(channel, "work", "through the inherited channel")
                with channel_to(url) as own:
                    publish(own, "work", "through a new one")

            _in_child(publish_in_both_ways)
            publish(channel, "work", "by the parent")

            assert get_all(channel, "work") == [
                "through the inherited channel",
                "through a new one",
                "by the parent",
            ]

    def test_an_acknowledgement_in_the_child_does_not_count(self, url: str) -> None:
        with channel_to(url) as channel:
            declare(channel, "work")
            publish(channel, "work", "a")
            held = get(channel, "work")

            _in_child(held.ack)

            held.requeue()
            assert get_all(channel, "work") == ["a"]

    def test_children_made_while_the_upkeep_works_can_use_the_database(self, url: str) -> None:
        busy = {"lease_seconds": 0.03, "cleanup_interval_seconds": 0.01}
        with channel_to(url, **busy) as channel:
            declare(channel, "work")
            publish(channel, "work", "held")
            channel.basic_qos(0, 1, False)
            channel.basic_consume("work", False, lambda _message: None, "consumer")
            transport_of(channel).drain_events(None, timeout=5)

            def publish_one() -> None:
                with channel_to(url) as own:
                    publish(own, "work", "from a child")

            for _ in range(10):
                _in_child(publish_one)

            wait_until(lambda: ready(channel, "work") >= 10)


def _in_child(work: Callable[[], object]) -> None:
    """Run it in a forked process; fail when it raises there or does not end."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the child ends here, whatever happened
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    status: list[int] = []

    def ended() -> bool:
        found, code = os.waitpid(pid, os.WNOHANG)
        if found:
            status.append(code)
        return bool(found)

    wait_until(ended, limit_s=30, what="the child to end")
    assert status == [0]
