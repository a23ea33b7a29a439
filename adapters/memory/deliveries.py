"""Delivery rows in memory."""

from typing import TYPE_CHECKING, Any

from ports.errors import AlreadyDelivered
from ports.messages import Delivery
from ports.outbound.deliveries import DeliveryRecord, DeliveryState

if TYPE_CHECKING:
    from adapters.memory.store import MemoryUnitOfWork


def is_over(record: DeliveryRecord | None, attempt: int) -> bool:
    """Whether this attempt has an outcome already, or a later one has begun."""
    return record is not None and (
        record.state is not DeliveryState.WAITING or record.attempt > attempt
    )


class MemoryDeliveries:
    def __init__(self, unit: "MemoryUnitOfWork") -> None:
        self._unit = unit
        self._done: list[Delivery] = []

    def find(self, message_id: str, endpoint: str) -> DeliveryRecord | None:
        unit = self._unit
        unit.before_reading()
        return unit.database.deliveries.get(
            (unit.context, message_id, endpoint), as_writer=unit.writes
        )

    def done(self, delivery: Delivery) -> None:
        self._unit.will_write()
        self._done.append(delivery)

    def count_hand_over(self, delivery: Delivery) -> int:
        self._unit.write_now()
        record = self._record(delivery)
        if is_over(record, delivery.attempt):
            return 0
        same_attempt = record is not None and record.attempt == delivery.attempt
        count = (record.hand_overs if record and same_attempt else 0) + 1
        self._put(delivery, DeliveryState.WAITING, delivery.attempt, hand_overs=count)
        return count

    def advance(self, delivery: Delivery, *, failed: bool) -> bool:
        self._unit.write_now()
        if is_over(self._record(delivery), delivery.attempt):
            return False
        if failed:
            self._put(delivery, DeliveryState.FAILED, delivery.attempt)
        else:
            self._put(delivery, DeliveryState.WAITING, delivery.attempt + 1)
        return True

    def reopen(self, message_id: str, endpoint: str) -> int | None:
        self._unit.write_now()
        key = (self._unit.context, message_id, endpoint)
        record = self._unit.database.deliveries.get(key, as_writer=True)
        if record is None or record.state is not DeliveryState.FAILED:
            return None
        attempt = record.attempt + 1
        self._unit.database.deliveries.put(
            key, DeliveryRecord(state=DeliveryState.WAITING, attempt=attempt, hand_overs=0)
        )
        return attempt

    def pending(self) -> tuple[list[Any], ...]:
        return (self._done,)

    def flush(self) -> None:
        done, self._done = self._done, []
        for delivery in sorted(done, key=_key_of):
            if is_over(self._record(delivery), delivery.attempt):
                raise AlreadyDelivered(delivery.envelope.metadata.id, delivery.endpoint)
            self._put(delivery, DeliveryState.DONE, delivery.attempt)

    def _record(self, delivery: Delivery) -> DeliveryRecord | None:
        key = (self._unit.context, *_key_of(delivery))
        return self._unit.database.deliveries.get(key, as_writer=True)

    def _put(
        self, delivery: Delivery, state: DeliveryState, attempt: int, *, hand_overs: int = 0
    ) -> None:
        key = (self._unit.context, *_key_of(delivery))
        record = DeliveryRecord(state=state, attempt=attempt, hand_overs=hand_overs)
        self._unit.database.deliveries.put(key, record)


def _key_of(delivery: Delivery) -> tuple[str, str]:
    return (delivery.envelope.metadata.id, delivery.endpoint)
