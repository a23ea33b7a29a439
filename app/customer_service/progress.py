"""How an issue stands, in the words of its customer."""

from typing import Literal

from app.web.components import Step
from ports.customer_service.queries import IssueRow, IssueState, IssueStep

_LABELS = {
    IssueStep.REPORTED: "Reported",
    IssueStep.RECEIVED: "Received by the desk",
    IssueStep.IN_WORK: "In work",
    IssueStep.RESOLVED: "Resolved",
    IssueStep.CANCELLED: "Cancelled",
    IssueStep.CLOSED: "Closed by you",
}


def steps_of(issue: IssueRow) -> list[Step]:
    """The way of an issue: what was, where it stands, what is to come."""
    reached = [index for index, found in enumerate(issue.timeline) if found.at is not None]
    latest = reached[-1] if reached else -1
    return [
        Step(
            label=_LABELS[found.step],
            state=_state(index, latest, found.step, over=issue.state is not IssueState.IN_WORK),
            at=found.at,
            detail=issue.cancellation_reason if found.step is IssueStep.CANCELLED else "",
        )
        for index, found in enumerate(issue.timeline)
    ]


def has_reached_desk(issue: IssueRow) -> bool:
    return any(
        found.step is not IssueStep.REPORTED and found.at is not None for found in issue.timeline
    )


def _state(
    index: int, latest: int, step: IssueStep, *, over: bool
) -> Literal["done", "current", "ahead", "failed"]:
    if index > latest:
        return "ahead"
    if step is IssueStep.CANCELLED:
        return "failed"
    if index < latest or step in (IssueStep.RESOLVED, IssueStep.CLOSED):
        return "done"
    return "current" if step is not IssueStep.REPORTED or over else "done"
