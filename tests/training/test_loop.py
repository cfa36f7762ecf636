import csv
import multiprocessing
import os
import signal

import pytest
import torch
from running import flat
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from graphgan.training import Schedule, TrainingDivergedError, TrainingOutcome, train
from graphgan.training._run_folder import load_state


@pytest.fixture
def go(run):
    """Trains a toy; every argument can be replaced."""

    def go(
        toy, batches, steps, *, start=0, draw=None, export=None, validate=None, **every
    ) -> TrainingOutcome:
        schedule = Schedule(steps, **({"log_every": 1, "save_every": 2, "sheet_every": 2} | every))
        return train(
            toy.fabric,
            toy,
            batches[start:steps],
            run,
            schedule,
            batch_size=4,
            start=start,
            draw=draw or (lambda path: path.touch()),
            export=export or (lambda folder: (folder / "weights").touch()),
            validate=validate,
        )

    return go


def rows(run):
    return list(csv.DictReader(run.metrics.open()))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_row_every_few_steps_holds_the_means_since_the_last(make_toy, batches, run, go):
    twin = make_toy()
    losses = [twin(batch, step)["g_critic"].item() for step, batch in enumerate(batches[:7])]
    outcome = go(make_toy(), batches, 7, log_every=3, save_every=99)
    assert [row["step"] for row in rows(run)] == ["3", "6", "7"]
    expected = [sum(losses[:3]) / 3, sum(losses[3:6]) / 3, losses[6]]
    assert [float(row["g_critic"]) for row in rows(run)] == pytest.approx(expected, rel=1e-5)
    assert all(float(row["samples_per_second"]) > 0 for row in rows(run))
    assert (outcome.step, outcome.stopped) == (7, False)
    assert outcome.samples_per_second > 0
    assert outcome.peak_memory_bytes > 2**20


def test_a_row_holds_the_means_of_what_there_was(make_toy, batches, run, go):
    twin = make_toy(every=2)
    losses = [twin(batch, step) for step, batch in enumerate(batches[:6])]
    go(make_toy(every=2), batches, 6, log_every=4, generator_every=2)
    assert [row["step"] for row in rows(run)] == ["4", "6"]
    for row, part in zip(rows(run), (losses[:4], losses[4:]), strict=True):
        for name in ("g_critic", "g_size", "d_critic"):
            there = [loss[name].item() for loss in part if name in loss]
            assert len(there) == (len(part) if name == "d_critic" else len(part) / 2)
            assert float(row[name]) == pytest.approx(sum(there) / len(there), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 7}, "expected steps to be a multiple of 3, .* got 7"),
        ({"log_every": 4}, "expected log_every to be a multiple of 3, .* got 4"),
        ({"generator_every": 0}, "expected generator_every of at least 1, got 0"),
    ],
)
def test_rows_and_ends_fall_on_steps_of_the_generator(changes, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**({"steps": 6, "log_every": 3, "generator_every": 3} | changes))
    assert Schedule(6, log_every=3, generator_every=3, save_every=2).save_every == 2


def test_tensorboard_gets_the_same_rows_and_the_sheets(toy, batches, run, go):
    sheet = torch.zeros(3, 4, 4, dtype=torch.uint8)
    go(toy, batches, 4, log_every=2, sheet_every=2, draw=lambda path: sheet)
    (file,) = run.path.glob("events.out.tfevents.*")
    events = [
        (event.step, value.tensor.float_val[0])
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag == "d_critic"
    ]
    assert [step for step, _ in events] == [2, 4]
    expected = [float(row["d_critic"]) for row in rows(run)]
    assert [value for _, value in events] == pytest.approx(expected, rel=1e-5)
    shown = [
        event.step
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag == "sheet"
    ]
    assert shown == [2, 4]


def test_the_best_weights_on_held_out_pairs_stay_beside_the_last(make_toy, batches, run, go):
    errors = iter([0.5, 0.25, 0.75, 0.5])

    def export(folder):
        (folder / "weights").write_text(folder.name)

    kept = {"save_every": 2, "validate": lambda: next(errors), "export": export}
    go(make_toy(), batches, 6, **kept)
    assert run.validations.read_text() == "step,validation\n2,0.5\n4,0.25\n6,0.75\n"
    assert names(run.checkpoints) == ["best-000004", "step-000004", "step-000006"]
    assert names(run.best()) == ["validation.json", "weights"]
    assert "step-000004" in (run.best() / "weights").read_text()
    run.forget_after(6)  # as a resumed run does: the best so far stays
    go(make_toy(), batches, 8, start=6, **kept)
    assert names(run.checkpoints) == ["best-000004", "step-000006", "step-000008"]


def test_checkpoints_and_sheets_come_when_they_are_due_and_at_the_end(toy, batches, run, go):
    go(toy, batches, 7, save_every=3, sheet_every=2)
    assert names(run.sheets) == [f"step-{n:06d}.png" for n in (2, 4, 6, 7)]
    assert names(run.checkpoints) == ["step-000006", "step-000007"]  # the last two
    assert names(run.latest()) == ["state.pt", "weights"]
    assert load_state(run.latest())["step"] == 7


def test_a_run_in_two_sittings_is_the_run_in_one(make_toy, batches, run, go):
    whole = make_toy()
    for step, batch in enumerate(batches[:6]):
        whole(batch, step)
    go(make_toy(), batches, 4)
    resumed = make_toy()
    resumed.load_state_dict(load_state(run.latest()))
    go(resumed, batches, 6, start=4)
    torch.testing.assert_close(
        resumed.averaged.state_dict(), whole.averaged.state_dict(), rtol=0, atol=0
    )
    assert [row["step"] for row in rows(run)] == list("123456")


@pytest.mark.parametrize(("moment", "saved"), [("batch", 4), ("checkpoint", 2), ("sheet", 2)])
def test_killed_at_any_moment_it_goes_on_to_the_same_weights(
    make_toy, batches, run, go, moment, saved
):
    def reach(what, is_the_one=True):
        if what == moment and is_the_one:
            os.kill(os.getpid(), signal.SIGKILL)

    class Batches(list):
        def __getitem__(self, part):
            for i, batch in enumerate(self):
                reach("batch", i == 5)
                yield batch

    def export(folder):
        (folder / "weights").write_text("half")
        reach("checkpoint", "4" in folder.name)

    def draw(path):
        path.write_text("half")
        reach("sheet")

    child = multiprocessing.get_context("fork").Process(
        target=go, args=(make_toy(), Batches(batches), 8), kwargs={"draw": draw, "export": export}
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    state, resumed, whole = load_state(run.latest()), make_toy(), make_toy()
    assert state["step"] == saved
    resumed.load_state_dict(state)
    run.forget_after(saved)
    go(resumed, batches, 8, start=saved)
    for step, batch in enumerate(batches[:8]):
        whole(batch, step)
    torch.testing.assert_close(flat(resumed.state_dict()), flat(whole.state_dict()), rtol=0, atol=0)
    assert [row["step"] for row in rows(run)] == list("12345678")
    assert not list(run.path.rglob(".*"))


@pytest.mark.parametrize(("log_every", "row_steps"), [(1, ["1", "2", "3", "4"]), (3, ["3"])])
def test_a_nan_stops_before_anything_bad_is_saved(toy, batches, run, go, log_every, row_steps):
    toy.objective.spoilt_call = 5
    with pytest.raises(TrainingDivergedError, match=r"loss g_critic .* at step 5; .*step-000004"):
        go(toy, batches, 9, log_every=log_every)
    assert [row["step"] for row in rows(run)] == row_steps
    assert names(run.checkpoints) == ["step-000002", "step-000004"]
    assert not any("nan" in str(value) for row in rows(run) for value in row.values())


def test_weights_that_are_no_numbers_are_not_saved(toy, batches, run, go):
    class Spoiling(list):
        def __iter__(self):
            yield self[0]
            yield self[1]
            toy.generator.network[0].weight.data.fill_(torch.inf)
            toy.objective.generator_losses = lambda d, b, o: {"g": o.image.sum().nan_to_num() * 0}
            toy.objective.discriminator_losses = lambda n, d, b, o: {"d": d(b).sum()}
            yield self[2]
            yield self[3]

    # The names of the losses change on the way: a row every two steps keeps them apart.
    with pytest.raises(TrainingDivergedError, match=r"a weight .* at step 4; .*step-000002"):
        train(
            toy.fabric,
            toy,
            Spoiling(batches),
            run,
            Schedule(9, log_every=2, save_every=2),
            batch_size=4,
            draw=lambda path: None,
            export=lambda folder: None,
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step_and_saves(toy, batches, run, go, number):
    def interrupted():
        for i, batch in enumerate(batches, 1):
            if i == 3:
                signal.raise_signal(number)
            yield batch

    class Batches:
        def __getitem__(self, part):
            return interrupted()

    outcome = go(toy, Batches(), 9, save_every=50)
    assert (outcome.step, outcome.stopped) == (3, True)
    assert names(run.checkpoints) == ["step-000003"]
    assert names(run.sheets) == ["step-000002.png"]


def test_a_second_signal_interrupts_at_once_and_leaves_no_half_checkpoint(toy, batches, run, go):
    def export(folder):
        (folder / "weights").touch()
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        go(toy, batches, 9, export=export)
    assert names(run.checkpoints) == []


def test_a_full_disk_keeps_the_checkpoint_before(toy, batches, run, go):
    def export(folder):
        (folder / "weights").touch()
        if "4" in folder.name:
            raise OSError(28, "No space left on device", str(folder))

    with pytest.raises(OSError, match="No space left"):
        go(toy, batches, 9, export=export)
    assert names(run.checkpoints) == ["step-000002"]
    assert load_state(run.latest())["step"] == 2


def test_the_learning_rate_falls_linearly_to_the_end(toy, batches, go):
    schedule = Schedule(10, decay_from=6)
    assert [schedule.lr_factor(step) for step in (0, 5, 6, 7, 8, 9)] == [1, 1, 1, 0.75, 0.5, 0.25]
    assert Schedule(10).lr_factor(9) == 1
    go(toy, batches, 10, decay_from=6)
    assert toy.generator.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.25)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps of at least 1, got 0"),
        ({"log_every": 0}, "log_every of at least 1"),
        ({"save_every": -1}, "save_every of at least 1"),
        ({"sheet_every": 0}, "sheet_every of at least 1"),
        ({"decay_from": 5}, "decay_from from 0 to below the 5 steps, got 5"),
        ({"decay_from": -1}, "decay_from from 0"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**({"steps": 5} | changes))
