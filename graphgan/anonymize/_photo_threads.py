"""Several photos at once: while one is read or written, others are worked on."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch

from graphgan.anonymize.inputs import Job
from graphgan.anonymize.report import FileReport


def reports_in_order(
    jobs: Iterable[Job], work: Callable[[Job], FileReport], *, threads: int
) -> Generator[Callable[[], FileReport], None, None]:
    """For each job a call that gives its report: photos are begun before, by several threads.

    As many photos as there are threads are worked on beside the one that is waited for; a thread
    computes on one core. Whatever is no photo is worked on when it is called for.

    Args:
        jobs: in the order of the reports.
        work: does one job.
        threads: how many; 1 does one job after the other.
    """
    if threads == 1:
        yield from (partial(work, job) for job in jobs)
        return
    waiting: deque[Callable[[], FileReport]] = deque()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for job in jobs:
            waiting.append(_begun(pool, work, job))
            if len(waiting) > threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        pool.shutdown(cancel_futures=True)


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[Job], FileReport], job: Job
) -> Callable[[], FileReport]:
    if job.kind != "photo":
        return partial(work, job)
    future: Future[FileReport] = pool.submit(work, job)
    return future.result
