import os
import time
from itertools import islice

import pytest
import torch

from graphgan.data._worker_pool import map_ordered


def make_tool() -> list[int]:
    return [os.getpid()]


def work(item: int, tool: list[int]) -> tuple[int, int, int]:
    if item < 0:
        raise OSError(28, "No space left on device", "/x")
    time.sleep(0.002 * (5 - item % 5))  # later items are ready sooner
    return item, tool[0], torch.get_num_threads()


def die(item: int, tool: list[int]) -> None:
    os._exit(9)


def test_several_processes_answer_in_order_with_a_tool_and_a_thread_each(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    iterator = map_ordered(work, [*range(48), -1], make_tool, workers=2)
    results = list(islice(iterator, 48))
    assert [item for item, _, _ in results] == list(range(48))
    assert os.getpid() not in {pid for _, pid, _ in results}
    assert {threads for _, _, threads in results} == {1}
    with pytest.raises(OSError, match="No space left") as error:
        next(iterator)
    assert error.value.filename == "/x"


def test_one_worker_is_this_process():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    results = list(map_ordered(work, range(3), make_tool, workers=1))
    assert results == [(i, os.getpid(), 1) for i in range(3)]
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_killed_worker_is_reported():
    with pytest.raises(ChildProcessError, match="fewer workers"):
        list(map_ordered(die, range(3), make_tool, workers=2))
