"""Long work, shown to everybody and after every reload."""

from datetime import timedelta

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.identity.access import operators
from app.identity.audited import Audited
from app.identity.auditing import Deed
from app.identity.sessions import current_actor
from app.operations.console import Console
from app.web.components import Progress
from app.web.fragments import live_region
from ports.outbound.operations import Job

# Finished work is shown a little longer, so that nobody wonders where it went.
SHOWN_AFTER_END = timedelta(minutes=10)


def jobs_to_show(console: Console) -> list[Job]:
    now = console.now()
    return [
        job
        for job in console.jobs.newest(limit=6)
        if job.finished_at is None or now - job.finished_at < SHOWN_AFTER_END
    ]


def progress_of(job: Job, console: Console) -> Progress:
    return Progress(
        id=f"job-{job.id}",
        label=f"{job.label} ({job.note})" if job.note else job.label,
        done=job.done,
        failed=job.failed,
        total=job.total,
        started_at=job.started_at,
        started_by=job.started_by,
        finished=job.finished_at is not None,
        per_minute=_rounded(job.per_minute(console.now())),
    )


def _rounded(per_minute: float | None) -> float | None:
    """Nobody reads fractions of a message."""
    return per_minute if per_minute is None or per_minute < 10 else round(per_minute)


def add_jobs(blueprint: Blueprint, *, console: Console) -> None:
    def found(job_id: str) -> Job:
        job = console.jobs.find(job_id)
        if job is None:
            abort(404)
        return job

    @blueprint.get("/jobs/<job_id>")
    @operators
    def job(job_id: str) -> Response:
        one = found(job_id)
        return live_region(
            (one.done, one.failed, one.finished_at),
            lambda: render_template(
                "operations/job.html", job=one, progress=progress_of(one, console)
            ),
        )

    @blueprint.post("/jobs/<job_id>/stop")
    @operators
    def stop_job(job_id: str) -> AnyResponse:
        one = found(job_id)
        if one.finished_at is None:
            actor, now = current_actor(), console.now()
            console.auditing.with_accounts(
                Deed(actor=actor, action=Audited.STOP_JOB, object=f"job/{job_id}"),
                lambda: console.jobs.finish(job_id, at=now, note=f"stopped by {actor.name}"),
            )
            flash("Stopped. What was done until now stays done.", "info")
        return redirect(url_for("operations.failed_messages"), 303)
