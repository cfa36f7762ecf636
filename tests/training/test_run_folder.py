import pickle

import pytest
import torch

from graphgan.training import RunFolder
from graphgan.training._run_folder import load_state, validation_of
from graphgan.weights import find_weights
from graphgan.weights._finding import WEIGHTS


def touch_weights(folder):
    (folder / WEIGHTS).touch()


def save(run, step, export=touch_weights):
    return run.save(step, {"weight": torch.full((3,), float(step))}, export)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_options_come_back_as_they_were_written(tmp_path):
    config = {"steps": 3, "lr": 2e-6, "data": None, "model": {"norm": "batch", "context": True}}
    RunFolder.create(tmp_path / "a" / "run", config)
    run, read = RunFolder.open(tmp_path / "a" / "run")
    assert read == config
    run.update_config({"steps": 4})
    assert RunFolder.open(run.path)[1] == {"steps": 4}
    assert names(run.path) == ["checkpoints", "config.yaml", "sheets"]


@pytest.mark.parametrize("what", ["run", "file", "other"])
def test_what_holds_something_stays_as_it_is(tmp_path, what):
    path = tmp_path / "a"
    if what == "run":
        RunFolder.create(path, {})
    elif what == "file":
        path.touch()
    else:
        (path / "thesis").mkdir(parents=True)
    with pytest.raises(
        ValueError, match=f"got {path}; continue it with --resume or choose another"
    ):
        RunFolder.create(path, {"other": 1})
    if what == "other":
        assert names(path) == ["thesis"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a run folder with config.yaml, found none at"),
        (b"", "expected options in .*config.yaml, got NoneType"),
        (b"- 1\n", "got list"),
        (b"a: [1", "expected YAML in .*config.yaml"),
        (b"\xff\xfe\x00a", "expected YAML in .*config.yaml"),
        (b"a: !!python/object/apply:os.getcwd []", "expected YAML in .*config.yaml"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "config.yaml").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        RunFolder.open(tmp_path)


def test_checkpoints_are_whole_and_few(run):
    for step in (1, 2, 3):
        save(run, step)
    assert names(run.checkpoints) == ["step-000002", "step-000003"]
    assert run.latest().name == "step-000003"
    state = load_state(run.latest())
    assert state["step"] == 3
    assert torch.equal(state["weight"], torch.full((3,), 3.0))


def test_what_a_killed_process_left_is_not_taken_for_a_checkpoint(run):
    save(run, 1)
    half = run.checkpoints / ".step-000002.part"
    half.mkdir()
    (half / "state.pt").write_bytes(b"half")
    (run.checkpoints / "step-000009.bak").mkdir()
    assert run.latest().name == "step-000001"
    save(run, 2)
    assert load_state(run.latest())["step"] == 2
    assert not half.exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_a_checkpoint_that_fails_leaves_nothing(run, error):
    def fail(folder):
        (folder / WEIGHTS).touch()
        raise error

    save(run, 1)
    with pytest.raises(type(error)):
        save(run, 2, fail)
    assert names(run.checkpoints) == ["step-000001"]


def test_the_same_step_again_replaces_its_checkpoint(run):
    save(run, 1)
    run.save(1, {"weight": torch.zeros(1)}, touch_weights)
    assert torch.equal(load_state(run.latest())["weight"], torch.zeros(1))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize(
    "damage", ["missing", "empty", "truncated", "text", "pickle", "torch pickle"]
)
def test_a_state_that_is_none_is_named_and_never_run(run, tmp_path, damage):
    file = save(run, 1) / "state.pt"
    proof = tmp_path / "it ran"
    if damage == "missing":
        file.unlink()
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-400])
    elif damage == "text":
        file.write_text("hello")
    elif damage == "pickle":
        file.write_bytes(pickle.dumps({"step": 1, "x": Malicious(proof)}))
    else:
        torch.save({"step": 1, "x": Malicious(proof)}, file)
    with pytest.raises(ValueError, match=f"expected a training state.*{file}"):
        load_state(run.latest())
    assert not proof.exists()


def test_the_best_weights_are_kept_whole_whatever_kills_the_process(run, monkeypatch):
    def validated(step, error):
        run.save(step, {"weight": torch.ones(1)}, touch_weights, validation=error)

    validated(1, 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "_keep_best", lambda run: None)  # killed between the two
        validated(2, 0.25)
    assert run.best().name == "best-000001"
    (run.checkpoints / ".best-000002.part").mkdir()
    run.forget_after(2)  # what a resumed run does first
    assert names(run.checkpoints) == ["best-000002", "step-000001", "step-000002"]
    assert validation_of(run.best()) == 0.25
    assert names(run.best()) == [WEIGHTS, "validation.json"]
    validated(3, float("nan"))
    validated(4, 0.25)
    assert run.best().name == "best-000002"
    assert find_weights(run.best()) == run.best() / WEIGHTS


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        ("step,loss\n2,1\n4,2\n6,3\n", "step,loss\n2,1\n4,2\n"),
        ("step,loss\n2,1\n4,2", "step,loss\n2,1\n"),
        ("step,loss\n", "step,loss\n"),
        ("step,lo", ""),
        ("", ""),
    ],
)
def test_rows_that_are_taken_again_and_halves_are_dropped(run, left, kept):
    run.metrics.write_text(left)
    run.forget_after(4)
    assert run.metrics.read_text() == kept
    run.log({"step": 6, "loss": 1})
    assert run.metrics.read_text() == (kept or "step,loss\n") + "6,1\n"


def test_a_resumed_run_sweeps_what_a_killed_one_left_half_written(run):
    half = run.checkpoints / ".step-000004.part"
    half.mkdir()
    (half / "state.pt").write_bytes(b"half")
    run.forget_after(4)
    assert not half.exists()
