import re
from pathlib import Path

import torch

README = Path(__file__).parent.parent / "README.md"


def test_the_ten_lines_run_and_print_a_shape(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    torch.manual_seed(0)
    exec(block, {"__name__": "readme"})
    assert capsys.readouterr().out.strip() == "torch.Size([2, 64, 32, 32])"


def test_every_file_it_points_to_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README.read_text())
    missing = [link for link in links if not (README.parent / link).exists()]
    assert links
    assert missing == []
