"""Shards worked on by processes of this machine; one that dies is replaced."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from graphgan.anonymize._shard_work import MAX_DEATHS, DatasetTask, ShardWorker, one_thread
from graphgan.anonymize.anonymizer import Anonymizer

_PATIENCE = 5.0  # seconds that a worker gets to leave its shard in order


def run_here(
    task: DatasetTask, shards: Iterable[int], anonymizer: Anonymizer
) -> Generator[int, None, None]:
    """All shards by this process; gives 1 for every file that is done."""
    worker = ShardWorker(task, anonymizer)
    for shard in shards:
        for _ in worker(shard):
            yield 1


def run_processes(
    task: DatasetTask, shards: Iterable[int], workers: int
) -> Generator[int, None, None]:
    """The same by processes that each hold a model; gives 1 for every file that is done.

    A shard whose worker was killed goes to a new one, which goes on after the last file that is
    done.

    Raises:
        ChildProcessError: workers die without getting anywhere.
        Exception: of a worker: its options cannot be used there, or the manifest not be written.
    """
    waiting = deque(shards)
    deaths: Counter[int] = Counter()  # of workers, since a shard's last file
    told: Counter[int] = Counter()  # files of each shard, however often it is begun
    pool = [_Worker(task) for _ in range(min(workers, len(waiting)))]
    try:
        while waiting or any(worker.shard is not None for worker in pool):
            for worker in pool:
                if worker.ready and worker.shard is None and waiting:
                    worker.begin(waiting.popleft())
            for worker in _with_news(pool):
                try:
                    kind, content = worker.connection.recv()
                except (EOFError, OSError):
                    pool[pool.index(worker)] = _replaced(worker, task, deaths, waiting)
                    continue
                if kind == "error":
                    raise content
                if kind == "file":
                    shard, number = content
                    if number > told[shard]:
                        told[shard], deaths[shard] = number, 0
                        yield 1
                else:  # "ready", at the beginning and after each shard
                    worker.ready, worker.shard = True, None
    finally:
        _stop(pool)


class _Worker:
    """A process, seen from here.

    Attributes:
        ready: whether it has made its model.
        shard: what it is at.
    """

    def __init__(self, task: DatasetTask) -> None:
        context = get_context("spawn")  # a forked copy of torch's threads may hang
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, task), daemon=True)
        self.process.start()
        theirs.close()  # so that its end is seen here
        self.ready = False
        self.shard: int | None = None

    def begin(self, shard: int) -> None:
        self.shard = shard
        with contextlib.suppress(OSError):  # it is dead: that is seen when its news are read
            self.connection.send(shard)


def _with_news(pool: list[_Worker]) -> list[_Worker]:
    waiting: list[Any] = [worker.connection for worker in pool]
    ready = connection.wait(waiting)
    return [worker for worker in pool if worker.connection in ready]


def _replaced(
    worker: _Worker, task: DatasetTask, deaths: Counter[int], waiting: deque[int]
) -> _Worker:
    worker.process.join()
    worker.connection.close()
    if not worker.ready:
        raise ChildProcessError("a worker died before it had made its model: too little memory?")
    if worker.shard is not None:
        deaths[worker.shard] += 1
        waiting.appendleft(worker.shard)
        # A file that kills its worker is given up after MAX_DEATHS: more is something else.
        if deaths[worker.shard] > MAX_DEATHS + 1:
            raise ChildProcessError("workers die without getting anywhere: too little memory?")
    logging.getLogger(__name__).warning("a worker died; another one goes on with its files")
    return _Worker(task)


def _stop(pool: list[_Worker]) -> None:
    for worker in pool:
        worker.connection.close()
        worker.process.terminate()
    for worker in pool:
        worker.process.join(_PATIENCE)
        worker.process.kill()
        worker.process.join()


def _serve(parent: Connection, task: DatasetTask) -> None:
    """A worker process: shards come in, names of files that are done go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        with one_thread():
            worker = ShardWorker(task)
            while True:
                parent.send(("ready", None))
                shard = parent.recv()
                for number, _ in enumerate(worker(shard), 1):
                    parent.send(("file", (shard, number)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # nobody listens any more
    except Exception as error:
        parent.send(("error", error))


def _leave_with_parent() -> None:
    """Do not live on as an orphan that writes beside the run that takes over."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE)
        os._exit(1)


def _leave(number: int, frame: object) -> NoReturn:
    """What was begun is put in order on the way out."""
    sys.exit(1)
