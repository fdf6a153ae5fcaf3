"""The job worker: procrastinate on the same PostgreSQL. Jobs stand in each room's `jobs.py`; every one may run twice."""

from __future__ import annotations

import structlog
from procrastinate.contrib.django import app

log = structlog.get_logger(__name__)

STALLED_AFTER_SECONDS = 60


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="requeue_stalled", pass_context=False)
async def requeue_stalled(timestamp: int) -> None:
    """Give jobs whose worker died back to the queue."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        await app.job_manager.retry_job(job)
        log.info("job.requeued", job=job.task_name, id=job.id)


def run_worker() -> None:
    """Work until told to stop. Exits when the database goes away: the supervisor starts it again."""
    with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]  # Django's connector gives one that can listen
        working.run_worker(concurrency=4, listen_notify=True, delete_jobs="successful")
