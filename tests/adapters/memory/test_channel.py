from collections.abc import Callable

import pytest

from adapters.memory.channel import MemoryChannel
from ports.messages import Delivery
from tests.suites.builders import a_delivery
from tests.suites.channel_suite import ChannelSuite


class TestMemoryChannel(ChannelSuite):
    @pytest.fixture
    def channel(self) -> MemoryChannel:
        return MemoryChannel("parcels")

    @pytest.fixture
    def drain(self, channel: MemoryChannel) -> Callable[[int], list[Delivery]]:
        def drain(count: int) -> list[Delivery]:
            received = [channel.receive() for _ in range(count)]
            return [delivery for delivery in received if delivery is not None]

        return drain


def test_an_empty_channel_has_nothing_to_receive() -> None:
    assert MemoryChannel("parcels").receive() is None


def test_a_delivery_is_received_once() -> None:
    channel = MemoryChannel("parcels")
    delivery = a_delivery()
    channel.publish([delivery])

    assert [channel.receive(), channel.receive()] == [delivery, None]


def test_a_delivery_overtakes_others_but_none_of_its_own_key() -> None:
    channel = MemoryChannel("parcels")
    first = a_delivery(key="p-1", priority=2)
    urgent = a_delivery(key="p-1", priority=9)
    usual = a_delivery(priority=4)
    channel.publish([first, urgent, usual])

    assert [channel.receive() for _ in range(3)] == [usual, first, urgent]


def test_a_key_that_is_done_with_holds_up_nothing_any_more() -> None:
    channel = MemoryChannel("parcels")
    channel.publish([a_delivery(key="p-1", priority=0)])
    channel.receive()
    usual, urgent = a_delivery(priority=4), a_delivery(key="p-1", priority=9)

    channel.publish([usual, urgent])

    assert [channel.receive(), channel.receive()] == [urgent, usual]
