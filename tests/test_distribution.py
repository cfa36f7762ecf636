"""What is handed out: the wheel holds the package alone, the sdist all that is worked with."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from core_only import requirements_of

import graphgan

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "graphgan"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a wheel and an sdist, built by hatchling without any index."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return out


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob(f"graphgan-{graphgan.__version__}-py3-none-any.whl")
    return path


def files_of(folder):
    """Relative paths of a folder of the repository, without what running leaves there."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(ROOT).as_posix() for p in paths if "__pycache__" not in p.parts}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_terms_and_nothing_else(wheel):
    assert wheel.stat().st_size < 40e6
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {name for name in names if ".dist-info/" not in name}
    assert package == files_of(PACKAGE)
    licenses = {name.split("/licenses/")[1] for name in names if "/licenses/" in name}
    terms = {path.relative_to(ROOT).as_posix() for path in PACKAGE.glob("weights/*LICENSE*")}
    assert licenses == {"LICENSE", *terms}


@pytest.mark.slow
def test_the_sdist_holds_all_that_is_worked_with(built):
    (path,) = built.glob("graphgan-*.tar.gz")
    with tarfile.open(path) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    folders = ["graphgan", "recipes", "tests", "benchmarks", "scripts", "docs"]
    folders += [name for name in ("tutorials", ".ci", ".github") if (ROOT / name).is_dir()]
    expected = set().union(*(files_of(ROOT / name) for name in folders))
    tops = (path for path in ROOT.iterdir() if path.is_file() and path.name != ".git")
    expected |= {path.name for path in tops}
    expected.discard("PKG-INFO")  # in an unpacked sdist
    assert not sorted(expected - names)
    assert {name.partition("/")[0] for name in names} <= {
        *(name.partition("/")[0] for name in expected),
        "PKG-INFO",
    }


def test_the_core_is_small():
    core = requirements_of("graphgan")
    assert {"torch", "numpy", "kornia", "safetensors", "sympy"} <= core
    assert not {"tyro", "lightning_fabric", "pillow", "av", "dlib_bin", "pytest"} & core


def test_modules_and_commands_import_with_core_dependencies_or_name_an_extra(tmp_path):
    """One process that sees the package and what it requires; rooms load what is slow late."""
    scripts = [
        path
        for path in sorted(ROOT.glob("recipes/*/*.py"))
        if 'if __name__ == "__main__"' in path.read_text()
    ]
    assert len(scripts) > 12
    program = Path(__file__).with_name("core_only.py")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(program), *map(str, scripts)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, loaded, *lines = done.stdout.splitlines()
    assert (first, loaded) == (f"package {PACKAGE}", "loaded")
    assert not [line for line in lines if line.startswith("bare")]
    failed = {line for line in lines if line.startswith("extra")}
    assert failed == {"extra graphgan.models._published_command 'graphgan[recipes]'"}
    told = [line for line in lines if line not in failed]
    assert len(told) == len(scripts) + 2
    assert not [line for line in told if not line.endswith("pip install 'graphgan[recipes]'")]


@pytest.mark.slow
def test_the_wheel_installs_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "empty", with_pip=True)
    scripts = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin")
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}

    def run(program, *words):
        return subprocess.run(
            [scripts / program, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel)
    if re.search(r"No matching distribution|[Cc]onnection|timed out|resolution", done.stderr):
        pytest.skip("needs a package index")
    assert done.returncode == 0, done.stderr
    there = run("python", "-m", "pip", "list").stdout
    assert "tyro" not in there and "pytest" not in there
    walked = run("python", Path(__file__).with_name("core_only.py"))
    assert walked.returncode == 0, walked.stderr
    assert "bare" not in walked.stdout and "site-packages" in walked.stdout.splitlines()[0]
    assert run("graphgan", "--version").stdout == f"graphgan {graphgan.__version__}\n"
    told = run("graphgan", "info")
    assert told.returncode == 0
    # psutil and tqdm come with torch-geometric.
    assert re.search(r"^extra recipes: .*missing: .*tyro", told.stdout, re.MULTILINE)
    refused = run("graphgan-anonymize", "photo.jpg", "--out", "out")
    assert refused.returncode == 1
    assert refused.stderr == "error: tyro is not installed: pip install 'graphgan[recipes]'\n"
