"""A recipe of one's own: short, and it runs from drawing to report."""

from tutorial_scripts import ROOT, run

from graphgan.training.run_folder import RunFolder

FOLDER = ROOT / "tutorials" / "write_a_recipe"


def test_it_takes_less_than_150_lines():
    lines = [line.strip() for file in FOLDER.glob("*.py") for line in file.read_text().splitlines()]
    assert len([line for line in lines if line and not line.startswith("# --8<--")]) < 150


def test_two_steps_end_in_a_sheet_and_a_report(tmp_path):
    flags = ["--steps", "2", "--device", "cpu", "--precision", "32-true", "--out"]
    printed = run(FOLDER / "train.py", *flags, tmp_path / "run")
    assert "robot copied" in printed
    assert "L1 inside" in (tmp_path / "run" / "report.txt").read_text()
    assert (tmp_path / "run" / "sheets" / "step-000002.png").is_file()
    assert RunFolder(tmp_path / "run").latest() is not None
