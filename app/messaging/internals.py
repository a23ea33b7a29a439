"""The parts of one runtime that nearly every other part needs."""

from dataclasses import dataclass

from app.messaging.dispatching import Dispatcher
from app.messaging.message_types import MessageTypes
from app.messaging.propagation import Propagation
from app.messaging.transactions import Transactions
from ports.outbound.telemetry import Tracer
from ports.outbound.time import Clock
from ports.outbound.transactions import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Internals:
    context: str
    store: Store
    transactions: Transactions
    types: MessageTypes
    propagation: Propagation
    dispatcher: Dispatcher
    tracer: Tracer
    clock: Clock
