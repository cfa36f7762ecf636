"""A test may be skipped only for a reason that ``allowed_skips.txt`` lists; others fail.

A suite that quietly skips what it cannot run is green and shows nothing. One regular expression a
line; lines that start with # are comments.
"""

import re
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("allowed_skips.txt")


def is_allowed(reason: str) -> bool:
    """Whether a line of the list is found in the reason."""
    lines = ALLOWED.read_text("utf-8").splitlines()
    return any(re.search(line, reason) for line in lines if line and not line.startswith("#"))


def _fail_unless_allowed(report):
    if not report.skipped or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2]
    if not is_allowed(reason):
        report.outcome = "failed"
        report.longrepr = f"{reason} (this reason is not in {ALLOWED.name})"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _fail_unless_allowed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _fail_unless_allowed((yield))
