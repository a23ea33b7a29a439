"""What every message channel owes to the relay that publishes to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ports.errors import ChannelUnavailable
from ports.messages import Delivery
from ports.outbound.channels import MessageChannel, PublishOutcome
from tests.suites.beside import at_once
from tests.suites.builders import a_delivery, a_full_delivery
from tests.support.waiting import wait_until

Drain = Callable[[int], list[Delivery]]


class ChannelSuite:
    """A subclass provides

    - ``channel``, empty; its ``capabilities`` decide what is expected of it;
    - ``drain``: ``drain(n)`` receives until ``n`` deliveries have come, acknowledges them, gives
      them in the order of their coming, and raises AssertionError when they do not come within a
      limit;
    - ``outcome``: what an ordinary publication ends in.
    """

    @pytest.fixture
    def channel(self) -> MessageChannel:
        raise NotImplementedError("a subclass provides the implementation under test")

    @pytest.fixture
    def drain(self) -> Drain:
        raise NotImplementedError("a subclass receives what was published")

    @pytest.fixture
    def outcome(self) -> PublishOutcome:
        return PublishOutcome.CONFIRMED

    def test_a_delivery_arrives_as_it_was_published(
        self, channel: MessageChannel, drain: Drain
    ) -> None:
        delivery = replace(
            a_full_delivery(expires_at=datetime(2100, 1, 1, tzinfo=UTC)),
            available_at=datetime(2026, 1, 5, tzinfo=UTC),
            channel=channel.name,
        )

        channel.publish([delivery])

        assert drain(1) == [delivery]

    @pytest.mark.parametrize(
        "payload",
        [b"", b"null", '{"street":"Löwenstraße 🦁"}'.encode(), b"\x00\xff", b"x" * 300_000],
        ids=["empty", "null", "unicode", "no text", "300 kB"],
    )
    def test_every_payload_arrives_unchanged(
        self, channel: MessageChannel, drain: Drain, payload: bytes
    ) -> None:
        delivery = _to(channel, payload=payload)

        channel.publish([delivery])

        assert [arrived.envelope.payload for arrived in drain(1)] == [payload]

    def test_a_channel_tells_whether_it_holds_anything(
        self, channel: MessageChannel, drain: Drain
    ) -> None:
        assert channel.is_empty()

        channel.publish([_to(channel)])
        wait_until(lambda: channel.is_empty() is False, what="a channel that holds something")
        drain(1)

        wait_until(lambda: channel.is_empty() is True, what="an empty channel")

    def test_every_publication_has_an_outcome(
        self, channel: MessageChannel, drain: Drain, outcome: PublishOutcome
    ) -> None:
        deliveries = [_to(channel) for _ in range(7)]

        outcomes = channel.publish(deliveries)

        assert list(outcomes) == [outcome] * 7
        assert _ids(drain(7)) == _ids(deliveries)

    def test_publishing_nothing_has_no_outcome(self, channel: MessageChannel) -> None:
        assert list(channel.publish([])) == []

    def test_many_deliveries_all_arrive_once(self, channel: MessageChannel, drain: Drain) -> None:
        deliveries = [_to(channel) for _ in range(300)]

        channel.publish(deliveries[:100])
        channel.publish(deliveries[100:])

        assert _ids(drain(300)) == _ids(deliveries)

    def test_copies_of_one_message_all_arrive(self, channel: MessageChannel, drain: Drain) -> None:
        delivery = _to(channel)
        copies = [replace(delivery, endpoint=f"post.step_{number}") for number in range(3)]

        channel.publish(copies)

        arrived = [delivery.endpoint for delivery in drain(3)]
        assert sorted(arrived) == ["post.step_0", "post.step_1", "post.step_2"]

    def test_several_threads_may_publish_at_once(
        self, channel: MessageChannel, drain: Drain, outcome: PublishOutcome
    ) -> None:
        shares = [[_to(channel) for _ in range(10)] for _ in range(3)]

        outcomes = at_once(*(_publishing(channel, share) for share in shares))

        assert outcomes == [[outcome] * 10] * 3
        assert _ids(drain(30)) == _ids([one for share in shares for one in share])

    def test_the_depth_tells_how_many_are_ready(
        self, channel: MessageChannel, drain: Drain
    ) -> None:
        if channel.depth() is None:
            # Some channels cannot be asked; then they never answer.
            channel.publish([_to(channel)])
            assert channel.depth() is None
            return

        channel.publish([_to(channel) for _ in range(4)])
        wait_until(lambda: channel.depth() == 4, what="a depth of 4")

        drain(4)
        wait_until(lambda: channel.depth() == 0, what="a depth of 0")

    def test_a_higher_priority_arrives_first_where_the_channel_knows_it(
        self, channel: MessageChannel, drain: Drain
    ) -> None:
        low, usual, high = (_to(channel, priority=priority) for priority in (0, 4, 9))

        channel.publish([low, usual, high])

        arrived = drain(3)
        if channel.capabilities.priority:
            assert arrived == [high, usual, low]
        else:
            assert _ids(arrived) == _ids([low, usual, high])

    def test_deliveries_of_one_key_arrive_in_order_where_the_channel_keeps_it(
        self, channel: MessageChannel, drain: Drain
    ) -> None:
        deliveries = [_to(channel, key="p-1") for _ in range(20)]

        channel.publish(deliveries[:10])
        channel.publish(deliveries[10:])

        arrived = drain(20)
        if channel.capabilities.order:
            assert arrived == deliveries
        else:
            assert _ids(arrived) == _ids(deliveries)

    def test_closing_again_changes_nothing(self, channel: MessageChannel, drain: Drain) -> None:
        delivery = _to(channel)
        channel.publish([delivery])

        channel.close()
        channel.close()

        assert drain(1) == [delivery]


class UnroutableChannelSuite:
    """For brokers that tell when nobody takes a message. A subclass provides ``channel``, whose
    queue the broker does not have."""

    @pytest.fixture
    def channel(self) -> MessageChannel:
        raise NotImplementedError("a subclass provides a channel without a queue")

    def test_what_no_queue_takes_is_returned(self, channel: MessageChannel) -> None:
        outcomes = channel.publish([_to(channel) for _ in range(3)])

        assert list(outcomes) == [PublishOutcome.RETURNED] * 3


class UnreachableChannelSuite:
    """For channels that can be out of reach. A subclass provides ``channel``, whose broker does not
    answer, with a limit of a few seconds."""

    @pytest.fixture
    def channel(self) -> MessageChannel:
        raise NotImplementedError("a subclass provides a channel that cannot be reached")

    def test_publishing_says_which_channel_is_out_of_reach(self, channel: MessageChannel) -> None:
        with pytest.raises(ChannelUnavailable) as unavailable:
            channel.publish([_to(channel)])

        assert unavailable.value.channel == channel.name


def _to(
    channel: MessageChannel, *, priority: int = 4, key: str = "", payload: bytes = b"{}"
) -> Delivery:
    return a_delivery(channel=channel.name, priority=priority, key=key, payload=payload)


def _publishing(
    channel: MessageChannel, deliveries: list[Delivery]
) -> Callable[[], list[PublishOutcome]]:
    return lambda: list(channel.publish(deliveries))


def _ids(deliveries: list[Delivery]) -> list[str]:
    return sorted(delivery.envelope.metadata.id for delivery in deliveries)
