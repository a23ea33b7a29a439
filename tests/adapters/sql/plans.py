"""What PostgreSQL does for a statement, so that tests can count the rows it touches."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from adapters.sql.statements import Kind, Statement


def explained(connection: sa.Connection, statement: Statement, values: Sequence[object]) -> Any:
    kinds = ", ".join(kind.value for kind in statement.parameters)
    connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE looked_at ({kinds}) AS {statement.postgresql}")
    given = ", ".join(map(_literal, statement.parameters, values))
    plan = connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE looked_at ({given})"
    ).scalar_one()
    return plan[0]["Plan"]


def _literal(kind: Kind, value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join(map(json.dumps, value)) + "}'"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    return f"'{value}'"


def rows_touched(plan: Any) -> float:
    """Rows that the scans of tables returned or threw away, over all their loops."""
    touched = sum(rows_touched(below) for below in plan.get("Plans", ()))
    if plan.get("Relation Name") is not None and "Scan" in plan["Node Type"]:
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        touched += rows * plan["Actual Loops"]
    return float(touched)
