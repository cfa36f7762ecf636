from pathlib import Path

import pytest
import skips

pytest_plugins = ["pytester"]


@pytest.fixture
def run_tests(pytester):
    """Runs a test file beside the hooks and a list that allows one reason."""
    pytester.makeconftest(Path(skips.__file__).read_text())
    Path(pytester.path, "allowed_skips.txt").write_text("# comment\n\nneeds a [GT]PU\n")

    def run(code: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(f"import pytest\n{code}")
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *options)

    return run


def test_a_listed_reason_skips(run_tests):
    result = run_tests("def test_it(): pytest.skip('needs a TPU of some size')")
    result.assert_outcomes(skipped=1)
    assert result.ret == 0


@pytest.mark.parametrize(
    "code",
    [
        "def test_it(): pytest.skip('no time')",
        "@pytest.mark.skip(reason='no time')\ndef test_it(): pass",
        "@pytest.mark.skipif(True, reason='no time')\ndef test_it(): pass",
        "@pytest.fixture\ndef f(): pytest.skip('no time')\ndef test_it(f): pass",
        "import unittest\nclass TestIt(unittest.TestCase):\n"
        "    def test_it(self): self.skipTest('no time')",
    ],
    ids=["call", "mark", "condition", "fixture", "unittest"],
)
def test_any_other_reason_fails_the_run(run_tests, code):
    result = run_tests(code)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*no time (this reason is not in allowed_skips.txt)*"])


@pytest.mark.parametrize(
    "code", ["pytest.importorskip('nowhere')", "pytest.skip('no time', allow_module_level=True)"]
)
def test_a_module_that_skips_itself_fails_too(run_tests, code):
    result = run_tests(f"{code}\ndef test_it(): pass")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*this reason is not in allowed_skips.txt*"])
