"""How Alembic reaches a database.

The program hands a connection over (``adapters/sql/migrating.py``), with its transaction and lock
already taken care of. From Alembic's own command line the address is ``THICKET_DATABASE_URL``:
``alembic upgrade runtime@head``.
"""

import os

import sqlalchemy as sa
from alembic import context

from adapters.sql.engines import Limits, open_engine, store_url


def run(connection: sa.Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(
        url=store_url(os.environ["THICKET_DATABASE_URL"]),
        literal_binds=True,
        transactional_ddl=True,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()
elif given is not None:
    run(given)
else:
    engine = open_engine(store_url(os.environ["THICKET_DATABASE_URL"]), Limits(), pooled=False)
    with engine.connect() as own:
        run(own)
