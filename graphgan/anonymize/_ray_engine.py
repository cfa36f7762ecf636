"""Shards worked on by actors of Ray Data, on this machine or on a cluster."""

import logging
import os
import pickle
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from graphgan.anonymize._shard_work import DatasetTask, ShardWorker
from graphgan.extras import needs_extra

# Shards are numbers: Ray's own minimum would do.
_OBJECT_STORE_BYTES = 100 * 2**20


def require_ray() -> None:
    """Import Ray, which sends no reports of its use.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it does about a dead actor
    with needs_extra("bulk"):
        import ray.data  # noqa: F401
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def run_ray(
    task: DatasetTask,
    shards: Iterable[int],
    *,
    workers: int,
    address: str | None = None,
    gpus: float = 0,
) -> Generator[int, None, None]:
    """All shards by actors that each hold a model; gives the number of files of every shard done.

    Ray starts an actor that was killed anew, and its shard too, which goes on after the last file
    that is done.

    Args:
        task: what is worked on.
        shards: of the manifest.
        workers: actors.
        address: of a cluster; by default that of ``RAY_ADDRESS``, or else this machine.
        gpus: of each actor.
    Raises:
        OSError: no cluster there, or one that cannot be worked with.
        Exception: of an actor: its options cannot be used there, or the manifest not be written.
    """
    require_ray()
    import ray

    shards = list(shards)
    with _connected(address, workers), _one_line():
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the caller has one of files
        items = [{"shard": shard} for shard in shards]
        rows = ray.data.from_items(items, override_num_blocks=len(shards))  # a task a shard
        done = rows.map_batches(
            _Actor,
            fn_constructor_args=(task,),
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(shards))),
            batch_size=1,
            num_cpus=1,
            num_gpus=gpus,
        )
        for row in done.iter_rows():
            if row["error"]:
                raise pickle.loads(row["error"])
            yield int(row["files"])


class _Actor:
    """Errors go out as rows: Ray would tell of its own insides, or try for ever."""

    def __init__(self, task: DatasetTask) -> None:
        self.task = task
        self.worker: ShardWorker | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        (shard,) = batch["shard"]
        try:
            if self.worker is None:
                self.worker = ShardWorker(self.task)
            return {"files": [sum(1 for _ in self.worker(int(shard)))], "error": [b""]}
        except Exception as error:
            return {"files": [0], "error": [pickle.dumps(error)]}


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[None]:
    import ray

    if ray.is_initialized():  # by the program that this is part of
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    size: dict[str, Any] = {}
    if address == "local":
        size = {
            "num_cpus": workers,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
        }
    ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **size)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _one_line() -> Iterator[None]:
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise OSError(f"Ray: {str(error).partition(chr(10))[0]}") from error
