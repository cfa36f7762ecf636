"""Peak memory counts what a call holds, and nothing that was there before."""

import sys

import pytest
import torch

MEBIBYTE = 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the count is Linux's")
def test_the_peak_of_a_call(benchmark_modules):
    resident = benchmark_modules["memory"]._resident
    before = torch.ones(32 * MEBIBYTE // 4)

    def build():
        weight = torch.ones(16 * MEBIBYTE // 4)

        def call():
            first = torch.ones(48 * MEBIBYTE // 4)
            del first
            return weight.sum()

        return call

    assert 60 < resident(build) / MEBIBYTE < 80
    assert before.sum() == len(before)
