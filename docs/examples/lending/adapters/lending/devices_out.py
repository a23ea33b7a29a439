"""The devices that are out."""

import sqlalchemy as sa

from adapters.lending.tables import device_out
from adapters.sql.connections import Connections
from domain.lending.loan.messages import DeviceWasLent, DeviceWasReturned
from ports.inbound.handlers import event_handler, query_handler
from ports.inbound.projections import projection, resets
from ports.lending.queries import LARGEST_PAGE, DeviceOutRow, DevicesOutLongest

CHANNEL = "projections"

_LENT = sa.insert(device_out)
_RETURNED = sa.delete(device_out).where(device_out.c.loan_id == sa.bindparam("of_loan"))


@projection("devices_out", streams=("loan",), channel=CHANNEL)
class DevicesOut:
    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @event_handler()
    def lent(self, event: DeviceWasLent) -> None:
        row = {"loan_id": event.loan_id, "device": event.device, "lent_at": event.lent_at}
        self._connections.write(_LENT, row)

    @event_handler()
    def returned(self, event: DeviceWasReturned) -> None:
        self._connections.write(_RETURNED, {"of_loan": event.loan_id})

    @resets
    def empty(self) -> None:
        self._connections.current().execute(sa.delete(device_out))

    @query_handler()
    def longest(self, query: DevicesOutLongest) -> tuple[DeviceOutRow, ...]:
        most = max(0, min(query.limit, LARGEST_PAGE))
        out = sa.select(device_out).order_by(device_out.c.lent_at).limit(most)
        found = self._connections.current().execute(out)
        return tuple(DeviceOutRow(**row) for row in found.mappings())
