"""Process many items in several processes, with results in the items' order."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from os import _exit
from typing import Any, Generic, TypeVar

import torch

Tool = TypeVar("Tool")
Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_CHUNK = 16  # items per worker task: few are lost if the work is interrupted

# The tool of each worker process, created once by _start_worker.
_tool: Any = None


class WorkerPool(Generic[Tool]):
    """Processes that each hold one tool and are reused between tasks.

    They start with the first task and end with the block. Each uses one torch thread, so that
    results do not depend on their number.

    Args:
        make_tool: called once in each process, for tools that are expensive to create or cannot be
            pickled.
        workers: number of processes; 1 runs in this one.

    Example:
        >>> with WorkerPool(lambda: 10, workers=1) as pool:
        ...     list(pool.map(lambda item, tool: item + tool, [1, 2]))
        [11, 12]
    """

    def __init__(self, make_tool: Callable[[], Tool], workers: int) -> None:
        self.make_tool = make_tool
        self.workers = workers
        self._processes: ProcessPoolExecutor | None = None
        self._made: list[Tool] = []

    def __enter__(self) -> "WorkerPool[Tool]":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._processes is not None:
            self._processes.shutdown(cancel_futures=True)

    def map(self, work: Callable[[Item, Tool], Result], items: Sequence[Item]) -> Iterator[Result]:
        """``work(item, tool)`` for each item, as an iterator that works while it is read.

        Raises:
            ChildProcessError: a worker was killed.
        """
        if not items:
            return
        if self.workers == 1:
            yield from self._map_here(work, items)
            return
        chunk = min(_LARGEST_CHUNK, -(-len(items) // self.workers))
        try:
            yield from self._started().map(_Work(work), items, chunksize=chunk)
        except BrokenProcessPool:
            raise ChildProcessError(
                "a worker process died, perhaps for lack of memory: try again with fewer workers"
            ) from None

    def _map_here(
        self, work: Callable[[Item, Tool], Result], items: Sequence[Item]
    ) -> Iterator[Result]:
        if not self._made:
            self._made.append(self.make_tool())
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for item in items:
                yield work(item, self._made[0])
        finally:
            torch.set_num_threads(threads)

    def _started(self) -> ProcessPoolExecutor:
        if self._processes is None:
            self._processes = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),  # a forked copy of torch's threads may hang
                initializer=_start_worker,
                initargs=(self.make_tool,),
            )
        return self._processes


def map_ordered(
    work: Callable[[Item, Tool], Result],
    items: Sequence[Item],
    make_tool: Callable[[], Tool],
    workers: int,
) -> Iterator[Result]:
    """`WorkerPool.map` once, with no more processes than items."""
    with WorkerPool(make_tool, max(1, min(workers, len(items)))) as pool:
        yield from pool.map(work, items)


class _Work:
    """``work`` with the tool of the process it runs in."""

    def __init__(self, work: Callable[[Any, Any], Any]) -> None:
        self.work = work

    def __call__(self, item: Any) -> Any:
        return self.work(item, _tool)


def _start_worker(make_tool: Callable[[], Any]) -> None:
    global _tool
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _tool = make_tool()


def _end_with_parent() -> None:
    """Do not live on as an orphan that writes beside the run that takes over."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        _exit(1)
