"""Peak memory counts what a call holds, and nothing that was there before."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

PROGRAM = """
import torch
from memory import _resident

mebibytes = lambda count: torch.ones(count * 2**20 // 4)
before = mebibytes(32)

def build():
    weight = mebibytes(16)
    def call():
        first = mebibytes(48)
        del first
        return weight.sum()
    return call

build()()  # what a first call loads
print(_resident(build) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the count is Linux's")
def test_the_peak_of_a_call():
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    assert 60 < float(done.stdout) < 80
