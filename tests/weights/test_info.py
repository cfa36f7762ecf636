import re
import subprocess
import sys

import graphgan
from graphgan.weights import LOADABLE, SHIPPED
from graphgan.weights.info import info


def test_every_set_of_weights_is_listed_with_its_terms():
    text = "\n".join(info())
    for weights in (*SHIPPED, *LOADABLE):
        assert weights.name in text and weights.terms in text
    assert f"graphgan {graphgan.__version__}" in text and "cpu" in text


def without_threads(text):
    """How many there are depends on the process."""
    return re.sub(r"\d+ threads", "threads", text.strip())


def run(*words):
    command = [sys.executable, "-m", "graphgan.weights.info", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_it():
    done = run("info")
    assert done.returncode == 0 and without_threads(done.stdout) == without_threads(
        "\n".join(info())
    )
    assert "usage: graphgan info" in run("--help").stdout


def test_other_words_are_refused_in_a_line():
    done = run("inform")
    assert done.returncode == 2
    assert done.stderr == "error: expected graphgan info, got graphgan inform\n"
