"""Every SQL statement of the broker, written once and compiled once per database.

``NOW_MS`` is the database's clock. In PostgreSQL it is the start of the statement. A message that
nobody holds is visible from 0 on, so that a clock set back hides none.
"""

import re
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    generation: str = "SELECT generation FROM broker_topology"
    start_topology: str = """
        INSERT INTO broker_topology (id, generation, version) VALUES (1, :generation, 1)
        ON CONFLICT (id) DO NOTHING"""
    version: str = "SELECT version FROM broker_topology"
    raise_version: str = "UPDATE broker_topology SET version = version + 1"
    exchanges: str = "SELECT name, type FROM broker_exchange"
    bindings: str = "SELECT exchange, routing_key, queue FROM broker_binding"

    exchange_type: str = "SELECT type FROM broker_exchange WHERE name = :name"
    declare_exchange: str = """
        INSERT INTO broker_exchange (name, type) VALUES (:name, :type)
        ON CONFLICT (name) DO NOTHING"""
    delete_exchange: str = "DELETE FROM broker_exchange WHERE name = :name"
    delete_exchange_bindings: str = "DELETE FROM broker_binding WHERE exchange = :name"

    queue: str = """
        SELECT expires_after_ms, message_ttl_ms, auto_delete FROM broker_queue
        WHERE name = :name AND (expires_after_ms IS NULL OR seen_at_ms + expires_after_ms > NOW_MS)
        """
    declare_queue: str = """
        INSERT INTO broker_queue (name, expires_after_ms, message_ttl_ms, auto_delete, seen_at_ms)
        VALUES (:name, :expires_after_ms, :message_ttl_ms, :auto_delete, NOW_MS)
        ON CONFLICT (name) DO UPDATE SET expires_after_ms = excluded.expires_after_ms,
            message_ttl_ms = excluded.message_ttl_ms, auto_delete = excluded.auto_delete,
            seen_at_ms = excluded.seen_at_ms"""
    see_queue: str = "UPDATE broker_queue SET seen_at_ms = NOW_MS WHERE name = :name"
    delete_queue: str = "DELETE FROM broker_queue WHERE name = :name"
    delete_queue_bindings: str = "DELETE FROM broker_binding WHERE queue = :name"
    delete_queue_consumers: str = "DELETE FROM broker_consumer WHERE queue = :name"
    delete_some_messages: str = """
        DELETE FROM broker_message WHERE PICKED(SELECT id FROM broker_message WHERE queue = :queue
        ORDER BY priority DESC, id LIMIT :limit SKIP_LOCKED)"""
    purge_some_messages: str = """
        DELETE FROM broker_message WHERE PICKED(SELECT id FROM broker_message WHERE queue = :queue
        AND visible_at_ms <= NOW_MS ORDER BY priority DESC, id LIMIT :limit SKIP_LOCKED)"""

    binding: str = """
        SELECT 1 FROM broker_binding
        WHERE exchange = :exchange AND routing_key = :routing_key AND queue = :queue"""
    bind: str = """
        INSERT INTO broker_binding (exchange, routing_key, queue)
        VALUES (:exchange, :routing_key, :queue) ON CONFLICT DO NOTHING"""
    unbind: str = """
        DELETE FROM broker_binding
        WHERE exchange = :exchange AND routing_key = :routing_key AND queue = :queue"""

    add_consumer: str = """
        INSERT INTO broker_consumer (token, tag, queue, expires_at_ms)
        VALUES (:token, :tag, :queue, NOW_MS + :lease_ms)
        ON CONFLICT (token, tag) DO UPDATE SET queue = excluded.queue,
            expires_at_ms = excluded.expires_at_ms"""
    renew_consumer: str = """
        UPDATE broker_consumer SET expires_at_ms = NOW_MS + :lease_ms
        WHERE token = :token AND tag = :tag"""
    delete_consumer: str = "DELETE FROM broker_consumer WHERE token = :token AND tag = :tag"
    expired_consumers: str = """
        SELECT token, tag, queue FROM broker_consumer WHERE expires_at_ms <= NOW_MS LIMIT :limit"""
    delete_expired_consumer: str = """
        DELETE FROM broker_consumer
        WHERE token = :token AND tag = :tag AND expires_at_ms <= NOW_MS"""
    delete_queue_left_by_consumers: str = """
        DELETE FROM broker_queue WHERE name = :name AND auto_delete
        AND NOT EXISTS (SELECT 1 FROM broker_consumer AS c
            WHERE c.queue = :name AND c.expires_at_ms > NOW_MS)"""
    delete_queue_unseen: str = """
        DELETE FROM broker_queue WHERE name = :name AND seen_at_ms + expires_after_ms <= NOW_MS"""
    consumers: str = """
        SELECT token FROM broker_consumer WHERE queue = :queue AND expires_at_ms > NOW_MS"""

    count_ready: str = """
        SELECT count(*) FROM broker_message WHERE queue = :queue AND visible_at_ms <= NOW_MS
        AND (expires_at_ms IS NULL OR expires_at_ms > NOW_MS)"""
    #: What expired while a consumer has it is still in its hands.
    any_message: str = """
        SELECT 1 FROM broker_message WHERE queue = :queue
        AND (expires_at_ms IS NULL OR expires_at_ms > NOW_MS OR visible_at_ms > NOW_MS) LIMIT 1"""
    #: SQLite stores row by row inside a transaction; PostgreSQL takes arrays in one statement.
    insert: str
    anything_ready: str = """
        SELECT 1 FROM broker_message WHERE queue = :queue AND visible_at_ms <= NOW_MS
        AND (expires_at_ms IS NULL OR expires_at_ms > NOW_MS)
        ORDER BY priority DESC, id LIMIT 1"""
    claim: str = """
        UPDATE broker_message
        SET visible_at_ms = NOW_MS + :lease_ms, token = :token, deliveries = deliveries + 1
        WHERE PICKED(SELECT id FROM broker_message WHERE queue = :queue AND visible_at_ms <= NOW_MS
            AND (expires_at_ms IS NULL OR expires_at_ms > NOW_MS)
            ORDER BY priority DESC, id LIMIT :limit SKIP_LOCKED)
        RETURNING id, priority, deliveries, meta, body"""
    #: Claims and forgets at once, for consumers that do not acknowledge.
    take: str = """
        DELETE FROM broker_message
        WHERE PICKED(SELECT id FROM broker_message WHERE queue = :queue AND visible_at_ms <= NOW_MS
            AND (expires_at_ms IS NULL OR expires_at_ms > NOW_MS)
            ORDER BY priority DESC, id LIMIT :limit SKIP_LOCKED)
        RETURNING id, priority, deliveries + 1, meta, body"""
    acknowledge: str
    requeue: str
    renew: str

    #: Leased messages stay: their consumer had them before they expired.
    delete_expired_messages: str = """
        DELETE FROM broker_message WHERE PICKED(SELECT id FROM broker_message
            WHERE expires_at_ms <= NOW_MS AND visible_at_ms <= NOW_MS
            ORDER BY expires_at_ms LIMIT :limit SKIP_LOCKED)"""
    any_expired_message: str = """
        SELECT 1 FROM broker_message WHERE expires_at_ms <= NOW_MS AND visible_at_ms <= NOW_MS
        LIMIT 1"""
    unseen_queues: str = """
        SELECT name FROM broker_queue WHERE expires_after_ms IS NOT NULL
        AND seen_at_ms + expires_after_ms <= NOW_MS ORDER BY name LIMIT :limit"""
    #: Jumps from name to name in the index instead of reading all messages.
    queues_of_nobody: str = """
        WITH RECURSIVE names (name) AS (
            SELECT min(queue) FROM broker_message
            UNION ALL
            SELECT (SELECT min(m.queue) FROM broker_message AS m WHERE m.queue > names.name)
            FROM names WHERE names.name IS NOT NULL)
        SELECT name FROM names WHERE name IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM broker_queue AS q WHERE q.name = names.name) LIMIT :limit"""


_SQLITE = Statements(
    insert="""
        INSERT INTO broker_message
            (queue, priority, visible_at_ms, expires_at_ms, deliveries, meta, body)
        SELECT q.name, :priority, 0,
            NOW_MS + min(coalesce(:ttl_ms, q.message_ttl_ms), coalesce(q.message_ttl_ms, :ttl_ms)),
            0, :meta, :body
        FROM broker_queue AS q WHERE q.name = :queue
        AND (q.expires_after_ms IS NULL OR q.seen_at_ms + q.expires_after_ms > NOW_MS)""",
    acknowledge="""
        DELETE FROM broker_message
        WHERE id = :id AND token = :token AND deliveries = :deliveries""",
    requeue="""
        UPDATE broker_message SET visible_at_ms = 0
        WHERE id = :id AND token = :token AND deliveries = :deliveries""",
    renew="""
        UPDATE broker_message SET visible_at_ms = NOW_MS + :lease_ms
        WHERE id = :id AND token = :token AND deliveries = :deliveries""",
)

#: ``acknowledge``, ``requeue`` and ``renew`` answer with the ids that were still the caller's.
_POSTGRESQL = Statements(
    insert="""
        WITH stored AS (
            INSERT INTO broker_message
                (queue, priority, visible_at_ms, expires_at_ms, deliveries, meta, body)
            SELECT q.name, n.priority, 0, NOW_MS + least(n.ttl_ms, q.message_ttl_ms),
                0, n.meta, n.body
            FROM unnest(CAST(:queues AS text[]), CAST(:priorities AS smallint[]),
                    CAST(:ttls_ms AS bigint[]), CAST(:metas AS text[]), CAST(:bodies AS bytea[]))
                WITH ORDINALITY AS n (queue, priority, ttl_ms, meta, body, position)
            JOIN broker_queue AS q ON q.name = n.queue
            JOIN broker_topology AS t ON t.version = :version OR NOT :check_version
            WHERE q.expires_after_ms IS NULL OR q.seen_at_ms + q.expires_after_ms > NOW_MS
            ORDER BY n.position
            RETURNING queue)
        SELECT t.version, ARRAY(SELECT DISTINCT queue FROM stored) FROM broker_topology AS t""",
    acknowledge="""
        DELETE FROM broker_message AS m
        USING unnest(CAST(:ids AS bigint[]), CAST(:tokens AS text[]), CAST(:deliveries AS int[]))
            AS held (id, token, deliveries)
        WHERE m.id = held.id AND m.token = held.token AND m.deliveries = held.deliveries
        RETURNING m.id""",
    requeue="""
        UPDATE broker_message AS m SET visible_at_ms = 0
        FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS text[]), CAST(:deliveries AS int[]))
            AS held (id, token, deliveries)
        WHERE m.id = held.id AND m.token = held.token AND m.deliveries = held.deliveries
        RETURNING m.id""",
    renew="""
        UPDATE broker_message AS m SET visible_at_ms = NOW_MS + :lease_ms
        FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS text[]), CAST(:deliveries AS int[]))
            AS held (id, token, deliveries)
        WHERE m.id = held.id AND m.token = held.token AND m.deliveries = held.deliveries
        RETURNING m.id""",
)

_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")


def _compiled(source: Statements, *, replacements: dict[str, str], pyformat: bool) -> Statements:
    texts: dict[str, str] = {}
    for member in fields(source):
        text: str = " ".join(getattr(source, member.name).split())
        for placeholder, replacement in replacements.items():
            text = text.replace(placeholder, replacement)
        texts[member.name] = _PARAMETER.sub(r"%(\1)s", text) if pyformat else text
    return Statements(**texts)


SQLITE = _compiled(
    _SQLITE,
    replacements={
        "NOW_MS": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
        "PICKED(": "id IN (",
        " SKIP_LOCKED": "",
    },
    pyformat=False,
)

POSTGRESQL = _compiled(
    _POSTGRESQL,
    replacements={
        "NOW_MS": "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS bigint)",
        # The array makes the subquery run exactly once; joined, it might lock more than the limit.
        "PICKED(": "id = ANY(ARRAY(",
        " SKIP_LOCKED)": " FOR UPDATE SKIP LOCKED))",
    },
    pyformat=True,
)
