"""What is timed, by name."""

from collections.abc import Callable, Iterator

import torch
from convolution import convolution
from data import data
from generator import generator
from machine import Machine
from operators import operators
from reasoning import reasoning
from scaling import scaling
from stem import stem
from step import step
from timing import Row

CASES: dict[str, Callable[[Machine, torch.device], Iterator[Row]]] = {
    "stem": stem,
    "convolution": convolution,
    "reasoning": reasoning,
    "generator": generator,
    "step": step,
    "operators": operators,
    "data": data,
    "scaling": scaling,
}
