"""The same work on many items by several processes, results in the items' order."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from os import _exit
from typing import Any, TypeVar

import torch

Tool = TypeVar("Tool")
Item = TypeVar("Item")
Result = TypeVar("Result")

_LARGEST_CHUNK = 16  # items a worker takes at once: few are lost when the work is interrupted

# What each worker process works with, made once by _start_worker.
_tool: Any = None


def map_ordered(
    work: Callable[[Item, Tool], Result],
    items: Sequence[Item],
    make_tool: Callable[[], Tool],
    workers: int,
) -> Iterator[Result]:
    """``work(item, tool)`` for each item, as an iterator that works while it is read.

    Each process has one torch thread, so that results do not depend on how many there are.

    Args:
        make_tool: called once in each process: what is dear to make or cannot be sent to a process.
        workers: processes; 1 works in this one.
    Raises:
        ChildProcessError: a worker was killed.
    """
    if workers == 1:
        return _map_here(work, items, make_tool)
    return _map_in_processes(work, items, make_tool, workers)


def _map_here(
    work: Callable[[Item, Tool], Result], items: Sequence[Item], make_tool: Callable[[], Tool]
) -> Iterator[Result]:
    tool = make_tool()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for item in items:
            yield work(item, tool)
    finally:
        torch.set_num_threads(threads)


def _map_in_processes(
    work: Callable[[Item, Tool], Result],
    items: Sequence[Item],
    make_tool: Callable[[], Tool],
    workers: int,
) -> Iterator[Result]:
    if not items:
        return
    workers = min(workers, len(items))
    pool = ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),  # a forked copy of torch's threads may hang
        initializer=_start_worker,
        initargs=(make_tool,),
    )
    chunk = min(_LARGEST_CHUNK, -(-len(items) // workers))
    with pool:
        try:
            yield from pool.map(_Work(work), items, chunksize=chunk)
        except BrokenProcessPool:
            raise ChildProcessError(
                "a worker process died, perhaps for want of memory: try again with fewer workers"
            ) from None


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
