from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graphgan.training import RunFolder, RunOptions, parse_train_options, read_options
from graphgan.training._resuming import PER_SITTING, write_options
from graphgan.weights._finding import WEIGHTS


@dataclass(frozen=True)
class ModelOptions:
    width: int = 4
    norm: Literal["batch", "instance"] = "batch"
    bias: bool = False


@dataclass(frozen=True)
class LossOptions:
    adversarial: Literal["bce", "hinge"] = "bce"
    weight: float = 1.0
    count: int | None = None


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    preset: Literal["smoke", "small", "paper"] = "smoke"
    size: tuple[int, int] = (128, 64)
    people: int = 3
    model: ModelOptions = field(default_factory=ModelOptions)
    loss: LossOptions = field(default_factory=LossOptions)


PRESETS = {
    "smoke": TrainOptions(),
    "small": TrainOptions(preset="small", model=ModelOptions(width=32)),
    "paper": TrainOptions(preset="paper", steps=7),
}


def parse(args):
    return parse_train_options(PRESETS, args, drawing_flags=["--size", "--people"])


PATHS = st.none() | st.sampled_from([Path("/data/faces"), Path("/data/Zoë's faces: 1 #2")])


def values(name, hint):
    """Values that an option of that type may have."""
    if hint == Path | None:
        return PATHS
    if get_origin(hint) is tuple:
        return st.tuples(*(values(name, one) for one in get_args(hint)))
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_args(hint):
        return st.one_of(*(values(name, one) for one in get_args(hint)))
    return {
        int: st.integers(1, 2**31),
        float: st.floats(1e-9, 0.5),
        bool: st.booleans(),
        str: st.sampled_from(["cpu", "auto", "no", "1", "1e3", "null"]),
        type(None): st.none(),
    }[hint]


def options(kind):
    hints = get_type_hints(kind)
    sitting = {"out": st.none(), "resume": st.none(), "more": st.none()}
    return st.builds(
        kind,
        **{
            field.name: options(hints[field.name])
            if is_dataclass(hints[field.name])
            else sitting.get(field.name, values(field.name, hints[field.name]))
            for field in fields(kind)
        },
    )


@given(options(TrainOptions))
def test_options_come_back_through_yaml(drawn):
    text = yaml.safe_dump(write_options(drawn), sort_keys=False)
    assert read_options(TrainOptions, yaml.safe_load(text)) == drawn


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lerning_rate": 1}, "expected options of TrainOptions, got also lerning_rate"),
        ({3: 1}, "got also 3"),
        ({"loss": None}, "expected options of LossOptions, got None"),
        ({"model": 5}, "expected options of ModelOptions, got 5"),
        ({"model": {}}, "expected options of ModelOptions, .*width is missing"),
        ({"steps": "many"}, "expected steps of type .*int.*, got 'many'"),
        ({"steps": True}, "expected steps of type .*int.*, got True"),
        ({"devices": None}, "expected devices of type .*int.*, got None"),
        ({"precision": "64"}, "expected precision of type .*32-true.*, got '64'"),
        ({"preset": "large"}, "expected preset of type .*got 'large'"),
        ({"size": [128]}, "expected size of type .*tuple.*, got \\(128,\\)"),
        ({"size": 128}, "expected size of type .*tuple.*, got 128"),
        ({"size": ["a", 2]}, "expected size of type"),
        ({"data": 7}, "expected data of type .*Path.*, got 7"),
        ({"devices": 0}, "expected --devices of at least 1"),
    ],
)
def test_a_damaged_configuration_is_refused_and_not_completed(changes, message):
    written = write_options(PRESETS["smoke"]) | changes
    with pytest.raises(ValueError, match=message):
        read_options(TrainOptions, written)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("flag", ["--preset={}", "--preset {}", "--preset paper --preset {}"])
def test_a_preset_gives_all_defaults_and_flags_change_them(preset, flag):
    drawn = parse([*flag.format(preset).split(), "--width", "10"])
    expected = PRESETS[preset]
    assert drawn == replace(expected, model=replace(expected.model, width=10))


@pytest.mark.parametrize(
    "args",
    [
        ["--preset", "large"],
        ["--precision", "nonsense"],
        ["--norm", "bacth"],
        ["--widht", "3"],
        ["--steps", "many"],
        ["--preset"],
        ["stray"],
    ],
)
def test_bad_flags_are_bad_input(args):
    with pytest.raises(ValueError, match=args[-1].lstrip("-")):
        parse(args)


@pytest.fixture
def run(tmp_path):
    saved = replace(PRESETS["small"], steps=50, data=tmp_path / "faces")
    run = RunFolder.create(tmp_path / "run", write_options(saved))
    (run.checkpoints / "step-000001").mkdir()
    (run.checkpoints / "step-000001" / WEIGHTS).touch()
    return run


def resume(run, *args):
    return parse(["--resume", str(run.path), *args])


def test_a_resumed_run_keeps_its_options(run):
    drawn = resume(run)
    assert drawn.resume == run.path
    assert drawn == replace(PRESETS["small"], steps=50, data=drawn.data, resume=run.path)


def test_what_may_change_from_sitting_to_sitting(run):
    flags = "--steps 60 --device cpu --devices 2 --precision 32-true --workers 1 --log-every 3"
    drawn = resume(run, *flags.split(), "--save-every", "4", "--sheet-every", "5")
    assert (drawn.steps, drawn.device, drawn.devices, drawn.workers) == (60, "cpu", 2, 1)
    assert (drawn.precision, drawn.log_every) == ("32-true", 3)
    assert (drawn.save_every, drawn.sheet_every) == (4, 5)
    known = {field.name for field in fields(TrainOptions)}
    assert known >= PER_SITTING


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ("--preset paper", "preset"),
        ("--preset=smoke", "preset"),
        ("--seed 3", "seed"),
        ("--width 16", "width"),
        ("--lr-g 0.1 --weight 3", "lr_g, weight"),
        ("--adversarial hinge", "adversarial"),
        ("--data other", "data"),
        ("--size 96 96", "size"),
    ],
)
def test_what_makes_the_run_that_run_cannot_change(run, args, names):
    with pytest.raises(ValueError, match=f"the run in {run.path}, got others for {names};"):
        resume(run, *args.split())


def test_other_rates_are_for_a_new_run_that_starts_from_it(run):
    with pytest.raises(
        ValueError, match=f"start a new run with them using --start-from {run.path}$"
    ):
        resume(run, "--lr-g", "0.1")
    drawn = parse(["--start-from", str(run.path), "--lr-g", "0.1"])
    assert (drawn.optimizer.lr_g, drawn.start_from, drawn.resume) == (0.1, run.path, None)


def test_a_run_to_start_from_brings_its_options(run):
    own = parse(["--start-from", str(run.path)])
    assert own == replace(resume(run), resume=None, start_from=run.path)
    other = parse(["--start-from", str(run.path), "--preset", "paper"])
    assert other == replace(PRESETS["paper"], model=own.model, start_from=run.path)


def test_weights_to_start_from_may_change_the_defaults(tmp_path):
    def like(options, source):
        assert source == Path("people-128")
        return replace(options, model=ModelOptions(width=77))

    args = ["--start-from", "people-128", "--bias", "True"]
    drawn = parse_train_options(PRESETS, args, like_weights=like)
    assert drawn.model == ModelOptions(width=77, bias=True)
    assert write_options(drawn)["start_from"] == "people-128"  # a name, no path


def test_more_adds_to_what_the_run_was_meant_to_take(run):
    assert resume(run, "--more", "7").steps == 57


def test_a_damaged_configuration_names_its_run(run):
    run.update_config({"steps": 5})
    with pytest.raises(ValueError, match=f"{run.path}: expected options of TrainOptions"):
        resume(run)


@pytest.mark.parametrize("args", [["--resume", "none"], ["--resume=none"]])
def test_a_folder_that_is_not_there_is_named(args):
    with pytest.raises(ValueError, match=r"expected a run folder .*none"):
        parse(args)


def test_what_drawn_people_alone_have_is_refused_beside_a_folder():
    with pytest.raises(ValueError, match="expected --data or --size, --people, got both"):
        parse(["--data", "faces", "--people", "3", "--size", "8", "8"])
    assert parse(["--people", "9", "--size", "8", "4"]).size == (8, 4)
