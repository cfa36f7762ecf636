import csv
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from graphgan.extras import MissingExtraError
from graphgan.training._loggers import RunLogger, find_logger, log_image

IMAGE = torch.arange(48, dtype=torch.uint8).reshape(3, 4, 4)
FABRIC = "lightning_fabric.loggers"


def events_in(folder):
    """Tags of each step."""
    return {
        (value.tag, event.step)
        for file in folder.rglob("events.out.tfevents.*")
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    }


@pytest.mark.parametrize("name", ["tensorboard", f"{FABRIC}.TensorBoardLogger"])
def test_tensorboard_gets_numbers_and_images(tmp_path, name):
    logger = find_logger(name)(tmp_path, 0, {})
    assert isinstance(logger, RunLogger)
    logger.log_metrics({"g": 0.5}, 3)
    log_image(logger, "sheet", IMAGE, 3)
    logger.finalize("success")
    assert {("g", 3), ("sheet", 3)} <= events_in(tmp_path)


def test_any_logger_of_fabric_works_in_the_folder_of_the_run(tmp_path):
    logger = find_logger(f"{FABRIC}.CSVLogger")(tmp_path, 0, {})
    logger.log_metrics({"g": 0.5}, 3)
    log_image(logger, "sheet", IMAGE, 3)  # it shows none
    logger.finalize("success")
    (file,) = tmp_path.rglob("metrics.csv")
    assert list(csv.DictReader(file.open())) == [{"g": "0.5", "step": "3"}]


def test_what_is_not_installed_is_one_line_before_anything_is_opened(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"^wandb is not installed: pip install wandb$"):
        find_logger("wandb")


@pytest.mark.parametrize(
    "name", ["wandbb", "no_such_module.Logger", f"{FABRIC}.NoLogger", "pathlib.Path"]
)
def test_what_is_no_logger_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"expected --logger tensorboard, .*{name}"):
        find_logger(name)


@pytest.mark.slow
def test_wandb_goes_on_in_the_same_run(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for step in (1, 2):
        logger = find_logger("wandb")(tmp_path, step - 1, {"seed": 0})
        logger.log_metrics({"g": 0.5}, step)
        log_image(logger, "sheet", IMAGE, step)
        logger.finalize("success")
    ids = {path.name.rpartition("-")[2] for path in (tmp_path / "wandb").glob("offline-run-*")}
    assert ids == {(tmp_path / "wandb.id").read_text()}
    assert len(list((tmp_path / "wandb").rglob("sheet_*.png"))) == 2
