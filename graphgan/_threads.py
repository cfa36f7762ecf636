"""Images by several threads, each on one core, while others are read or written.

A network computes a small image hardly faster on two cores than on one: two images at once take
half the time. Besides, threads that share each operation wait for each other without rest, which is
slow where other programs compute too.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_threads() -> int:
    """As many as there are cores for torch to compute on; 1 inside of `calls_in_order`."""
    return torch.get_num_threads()


def calls_in_order(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    *,
    threads: int,
    concurrent: Callable[[Item], bool] = lambda item: True,
) -> Generator[Callable[[], Result], None, None]:
    """For each item a call that gives its result; what is behind it was begun before.

    As many items as there are threads are worked on beside the one that is waited for, so memory
    does not grow with their number. They are taken from ``items`` in the caller's thread, which
    computes on one core meanwhile, too.

    Args:
        items: in the order of the results.
        work: done for each item, at several of them at once.
        threads: how many; 1 does one item after the other, in the caller's thread.
        concurrent: which items threads may work on; others are worked on when they are called for.
    """
    if threads == 1:
        yield from (partial(work, item) for item in items)
        return
    waiting: deque[Callable[[], Result]] = deque()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for item in items:
            if concurrent(item):
                future: Future[Result] = pool.submit(work, item)
                waiting.append(future.result)
            else:
                waiting.append(partial(work, item))
            if len(waiting) > threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(before)


def results_in_order(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int | None = None
) -> Generator[Result, None, None]:
    """The results themselves, see `calls_in_order`; by `num_threads` threads unless told."""
    count = num_threads() if threads is None else threads
    yield from (call() for call in calls_in_order(items, work, threads=count))
