"""Rows of one page, and how many there are in all."""

from typing import Any

import sqlalchemy as sa

from ports.backoffice.queries import COUNT_LIMIT, LARGEST_PAGE


def bounded(page: int, page_size: int) -> tuple[int, int]:
    """Page and page size, brought within their limits."""
    size = max(1, min(page_size, LARGEST_PAGE))
    return max(1, min(page, COUNT_LIMIT // size)), size


def on_page(select: sa.Select[Any], page: int, page_size: int) -> sa.Select[Any]:
    return select.limit(page_size).offset((page - 1) * page_size)


def count_up_to_limit(table: sa.Table, conditions: list[sa.ColumnElement[bool]]) -> sa.Select[int]:
    some = sa.select(sa.literal(1)).select_from(table).where(*conditions).limit(COUNT_LIMIT)
    return sa.select(sa.func.count()).select_from(some.subquery())
