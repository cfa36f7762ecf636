"""Work by several threads gives what one thread gives, in order."""

import threading
import time

import pytest
import torch

from graphgan._threads import calls_in_order, num_threads, results_in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads):
    def slow_at_first(item):
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(results_in_order(range(20), slow_at_first, threads=threads)) == [
        i * i for i in range(20)
    ]


def test_items_are_worked_on_at_once_each_on_one_core():
    both = threading.Barrier(2, timeout=10)  # fails unless two threads meet

    def meet(item):
        both.wait()
        return num_threads()

    assert list(results_in_order(range(4), meet, threads=2)) == [1, 1, 1, 1]


def test_an_error_comes_where_its_result_would_and_threads_are_given_back():
    before = torch.get_num_threads()

    def fails_at_two(item):
        if item == 2:
            raise ValueError("two")
        return item

    results = results_in_order(range(6), fails_at_two, threads=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert torch.get_num_threads() == before


def test_a_thread_without_work_helps_with_that_of_another():
    both = threading.Barrier(2, timeout=10)

    def work(item):
        if item == "short":
            return [threading.get_ident()]
        time.sleep(0.2)  # by then the other thread has nothing to do

        def part(number):
            both.wait()  # fails unless the thread of the short item helps
            return threading.get_ident()

        return list(results_in_order(range(2), part))

    short, long = results_in_order(["short", "long"], work, threads=2)
    assert len(short) == 1 and len(set(long)) == 2


def test_an_error_of_a_part_is_one_of_the_whole():
    def part(number):
        if number == 1:
            raise ValueError("part 1")
        return number

    def work(item):
        return list(results_in_order(range(3), part))

    with pytest.raises(ValueError, match="part 1"):
        list(results_in_order(range(2), work, threads=2))


def test_it_may_be_closed_by_one_of_its_own_threads():
    """As garbage collection does it."""
    ready, ends = threading.Event(), []

    def work(item: int) -> int:
        if item == 1:
            ready.wait(5)
            try:
                calls.close()
            except RuntimeError as error:
                ends.append(error)
            ends.append(item)
        return item

    calls = calls_in_order(range(9), work, threads=2)
    assert next(calls)() == 0
    ready.set()
    while not ends:
        time.sleep(0.001)
    assert ends == [1] and list(calls) == []
