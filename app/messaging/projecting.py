"""Feeding projections from the event log.

Position and rows are committed together, under a lock on the position, so each event has its effect
on the rows once, whatever is killed. A wake-up is one coalesced flag per projection: whoever is
woken reads everything committed by then.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from app.messaging.endpoints import Call, Handling
from app.messaging.internals import Internals
from ports.errors import (
    ChannelUnavailable,
    ConcurrencyConflict,
    NoSuchProjection,
    StoreUnavailable,
)
from ports.messages import Delivery, Envelope, Message
from ports.outbound.channels import MessageChannel
from ports.outbound.event_store import StoredEvent
from ports.outbound.positions import Position, ProjectionStatus
from ports.outbound.transactions import UnitOfWork

logger = logging.getLogger(__name__)

ENDPOINT_PREFIX = "projection:"
WAKE_UP = "runtime.projection_wake_up"

# A runner that does not show up within this long is given up and another is sent.
WAKE_LEASE_SECONDS = 10.0
# A failing projection is tried again after this long, not after every event.
FAILED_LEASE_SECONDS = 5.0
# A run ends after this long even when there is more; the next wake-up goes on.
LONGEST_RUN_SECONDS = 20.0
LONGEST_ERROR = 2_000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledProjection:
    name: str
    streams: tuple[str, ...]
    channel: str
    batch: int
    handler_of: Mapping[type, Call]
    reset: Callable[[], None] | None

    @property
    def endpoint(self) -> str:
        return f"{ENDPOINT_PREFIX}{self.name}"


class Projections:
    def __init__(
        self,
        internals: Internals,
        projections: Sequence[CompiledProjection],
    ) -> None:
        self._projections = {projection.name: projection for projection in projections}
        self._types = internals.types
        self._transactions = internals.transactions
        self._propagation = internals.propagation
        self._clock = internals.clock

    @property
    def all(self) -> tuple[CompiledProjection, ...]:
        return tuple(self._projections.values())

    def wake(self, channels: Mapping[str, MessageChannel]) -> None:
        """Send a runner to every projection that has something to read and none on its way."""
        for projection in self._projections.values():
            channel = channels.get(projection.channel)
            if channel is None or not self._claim_wake_up(projection):
                continue
            try:
                channel.publish([self.wake_up(projection)])
            except ChannelUnavailable as error:
                # The flag's lease runs out and the sweep sends another.
                logger.warning(
                    "projection cannot be woken",
                    extra={"projection": projection.name, "error": str(error)},
                )

    def _claim_wake_up(self, projection: CompiledProjection) -> bool:
        def claim(unit: UnitOfWork) -> bool:
            position = unit.positions.find(projection.name)
            status = position.status if position else ProjectionStatus.RUNNING
            if status is ProjectionStatus.PAUSED:
                return False
            after = position.position if position else 0
            if not unit.events.any_after(projection.streams, position=after):
                return False
            failed = status is ProjectionStatus.FAILED
            lease = FAILED_LEASE_SECONDS if failed else WAKE_LEASE_SECONDS
            return unit.positions.wake(projection.name, lease_seconds=lease)

        return self._transactions.apart(claim)

    def wake_up(self, projection: CompiledProjection) -> Delivery:
        return Delivery(
            envelope=Envelope(
                payload=b"{}", name=WAKE_UP, metadata=self._propagation.next_metadata()
            ),
            channel=projection.channel,
            endpoint=projection.endpoint,
        )

    def run(self, name: str) -> int:
        """Read until caught up, at most for 20 s; how many events were read. An error is kept with
        the position and logged, the batch is undone, and a later wake-up tries again.

        Raises:
            NoSuchProjection, StoreUnavailable
        """
        projection = self._projections.get(name)
        if projection is None:
            raise NoSuchProjection(name)
        self._transactions.apart(lambda unit: unit.positions.awake(name))
        give_up_at = monotonic() + LONGEST_RUN_SECONDS
        total = 0
        while monotonic() < give_up_at:
            try:
                read = self._transactions.once(lambda unit: self._batch(unit, projection))
            except StoreUnavailable:
                raise
            except ConcurrencyConflict as conflict:
                # Another runner feeds it, or a lock was not given in time: the next one goes on.
                logger.warning(
                    "projection gave way", extra={"projection": name, "why": str(conflict)}
                )
                return total
            except Exception as error:
                logger.exception("projection failed", extra={"projection": name})
                self._note_failure(name, error)
                return total
            total += read
            if read < projection.batch:
                break
        return total

    def _batch(self, unit: UnitOfWork, projection: CompiledProjection) -> int:
        position = unit.positions.lock(projection.name)
        if position.status is ProjectionStatus.PAUSED:
            return 0
        events = unit.events.read(
            projection.streams, after=position.position, limit=projection.batch
        )
        for event in events:
            self._feed(projection, event)
        reached = events[-1].position if events else position.position
        # A batch that is not full was the last: up to the target there may be other streams only.
        more = len(events) == projection.batch
        rebuilding = more and reached < position.rebuild_target
        status = ProjectionStatus.REBUILDING if rebuilding else ProjectionStatus.RUNNING
        if events or status is not position.status:
            unit.positions.save(
                replace(
                    position,
                    position=reached,
                    status=status,
                    error="",
                    rebuild_target=position.rebuild_target if rebuilding else 0,
                    advanced_at=self._clock.now() if events else position.advanced_at,
                )
            )
        return len(events)

    def _feed(self, projection: CompiledProjection, event: StoredEvent) -> None:
        message_type = self._types.named(event.envelope.name)
        if message_type is None or message_type.codec is None:
            return
        call = projection.handler_of.get(message_type.cls)
        if call is None:
            return
        payload = message_type.codec.decode(event.envelope.payload)
        call(
            Handling(
                Message(
                    payload=payload,
                    name=event.envelope.name,
                    revision=event.envelope.revision,
                    metadata=event.envelope.metadata,
                )
            )
        )

    def _note_failure(self, name: str, error: Exception) -> None:
        text = describe(error)

        def note(unit: UnitOfWork) -> None:
            position = unit.positions.lock(name)
            if position.status is not ProjectionStatus.PAUSED:
                unit.positions.save(replace(position, status=ProjectionStatus.FAILED, error=text))
            unit.positions.wake(name, lease_seconds=0)

        self._transactions.apart(note)

    def rebuild(self, name: str) -> None:
        """Empty the rows and read the log from the start, in the background; readers see the rows
        come back. Asked again while rebuilding, it starts over.

        Raises:
            NoSuchProjection
        """
        projection = self._projections.get(name)
        if projection is None:
            raise NoSuchProjection(name)

        def start_over(unit: UnitOfWork) -> None:
            position = unit.positions.lock(name)
            if projection.reset is not None:
                projection.reset()
            # Without events nobody would be woken, who could finish the rebuild.
            something = unit.events.any_after(projection.streams, position=0)
            unit.positions.save(
                Position(
                    projection=name,
                    position=0,
                    status=ProjectionStatus.REBUILDING if something else ProjectionStatus.RUNNING,
                    rebuild_target=unit.events.horizon() if something else 0,
                    advanced_at=position.advanced_at,
                )
            )

        self._transactions.run(start_over)

    def pause(self, name: str) -> None:
        self._set_status(name, ProjectionStatus.PAUSED)

    def resume(self, name: str) -> None:
        """Go on where it was paused, a rebuild included."""
        self._set_status(name, ProjectionStatus.RUNNING)

    def stop(self, name: str, error: Exception) -> None:
        """Pause it because feeding it kills the process; somebody has to look and resume it."""
        logger.error("projection stopped", extra={"projection": name, "error": str(error)})
        self._set_status(name, ProjectionStatus.PAUSED, error=describe(error))

    def _set_status(self, name: str, status: ProjectionStatus, *, error: str = "") -> None:
        if name not in self._projections:
            raise NoSuchProjection(name)

        def change(unit: UnitOfWork) -> None:
            position = unit.positions.lock(name)
            unfinished = position.position < position.rebuild_target
            resumed = status is ProjectionStatus.RUNNING and unfinished
            unit.positions.save(
                replace(
                    position,
                    status=ProjectionStatus.REBUILDING if resumed else status,
                    error=error,
                )
            )

        self._transactions.run(change)


def describe(error: Exception) -> str:
    return f"{type(error).__qualname__}: {error}"[:LONGEST_ERROR]
