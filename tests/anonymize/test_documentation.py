import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "anonymise.md"


def test_the_program_of_the_page_runs(capsys):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(program, {"__name__": "page"})
    assert capsys.readouterr().out.startswith("torch.Size([3, 120, 160]) [")


def test_every_exit_status_of_the_command_is_told():
    rows = re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert set(map(int, rows)) == {0, 1, 2, 3, 130}
