"""Opening the store behind an address. Connections are shared by all stores of a process."""

import threading
from datetime import timedelta

import sqlalchemy as sa

from adapters.sql_broker import postgresql_store, sqlite_store
from adapters.sql_broker.options import BrokerOptions
from adapters.sql_broker.postgresql_store import PostgresqlStore
from adapters.sql_broker.sessions import Engines
from adapters.sql_broker.sqlite_store import SqliteStore, WriteGate
from adapters.sql_broker.store import Store

_lock = threading.Lock()
_engines: dict[tuple[sa.URL, timedelta], Engines] = {}
_gates: dict[str, WriteGate] = {}


def open_store(url: sa.URL, options: BrokerOptions) -> Store:
    """A store that connects when it is first used."""
    if url.get_backend_name() == "sqlite":
        with _lock:
            gate = _gates.setdefault(str(url.database), WriteGate())
        return SqliteStore(url, engines=_engines_of(url, options), gate=gate, options=options)
    return PostgresqlStore(url, engines=_engines_of(url, options))


def _engines_of(url: sa.URL, options: BrokerOptions) -> Engines:
    with _lock:
        key = (url, options.busy_timeout)
        if key not in _engines:
            if url.get_backend_name() == "sqlite":
                _engines[key] = Engines(
                    lambda durability: sqlite_store.make_engine(
                        url, durability, options.busy_timeout
                    )
                )
            else:
                _engines[key] = Engines(
                    lambda durability: postgresql_store.make_engine(url, durability)
                )
        return _engines[key]
