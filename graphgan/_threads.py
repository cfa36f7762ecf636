"""Images by several threads, each on one core, while others are read or written.

A network computes a small image hardly faster on two cores than on one: two images at once take
half the time. Besides, threads that share each operation wait for each other without rest, which is
slow where other programs compute too.
"""

import threading
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
    computes on one core meanwhile, too. Where ``work`` itself uses `results_in_order`, threads that
    have nothing else to do help with it.

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
    crew = _Crew(threads)
    try:
        for item in items:
            waiting.append(
                crew.begin(work, item).result if concurrent(item) else partial(work, item)
            )
            if len(waiting) > threads:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        crew.close()
        torch.set_num_threads(before)


def results_in_order(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int | None = None
) -> Generator[Result, None, None]:
    """The results themselves, see `calls_in_order`; by `num_threads` threads unless told.

    Inside of `calls_in_order` the items are worked on by the thread that asks, and by those of its
    threads that have nothing else to do.
    """
    crew: _Crew | None = getattr(_here, "crew", None)
    if crew is not None and threads is None:
        yield from _with_help(crew, items, work)
        return
    count = num_threads() if threads is None else threads
    yield from (call() for call in calls_in_order(items, work, threads=count))


_here = threading.local()  # the crew that a thread belongs to


class _Crew:
    """Threads of one core each, and how many of them have something to do."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._busy = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(size, initializer=self._enter)

    def begin(self, work: Callable[[Item], Result], item: Item) -> Future[Result]:
        """As soon as a thread has nothing to do."""
        with self._lock:
            self._busy += 1
        return self._pool.submit(self._do, work, item)

    def begin_now(self, work: Callable[[Item], Result], item: Item) -> Future[Result] | None:
        """At once; None where every thread has something to do."""
        with self._lock:
            if self._busy >= self.size:
                return None
            self._busy += 1
        return self._pool.submit(self._do, work, item)

    def close(self) -> None:
        # A generator that nobody closed is collected anywhere: a thread cannot wait for itself.
        own = getattr(_here, "crew", None) is self
        self._pool.shutdown(wait=not own, cancel_futures=True)

    def _enter(self) -> None:
        torch.set_num_threads(1)
        _here.crew = self

    def _do(self, work: Callable[[Item], Result], item: Item) -> Result:
        try:
            return work(item)
        finally:
            with self._lock:
                self._busy -= 1


def _with_help(
    crew: _Crew, items: Iterable[Item], work: Callable[[Item], Result]
) -> Generator[Result, None, None]:
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(crew.begin_now(work, item) or _done(work, item))
            while waiting and (waiting[0].done() or len(waiting) > crew.size):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:  # after an error: nobody works on unseen
            future.exception()


def _done(work: Callable[[Item], Result], item: Item) -> Future[Result]:
    future: Future[Result] = Future()
    try:
        future.set_result(work(item))
    except Exception as error:
        future.set_exception(error)
    return future
