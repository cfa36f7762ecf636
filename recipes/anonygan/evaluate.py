"""Compare anonymisers on prepared faces: `python recipes/anonygan/evaluate.py --help`."""

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from graphgan.commands import run_command
from graphgan.data.prepared import PreparedPictures
from graphgan.evaluation import (
    Examiner,
    Settings,
    Study,
    Tools,
    Trials,
    evaluate,
    make_trials,
    write_report,
)
from graphgan.evaluation.cache import ResultCache
from graphgan.evaluation.folds import read_fold_pairs
from graphgan.evaluation.report import read_published, tables
from graphgan.evaluation.systems import SYSTEMS, parse_system
from graphgan.evaluation.trials import ConditionRule, Splits, read_trials, write_trials
from graphgan.extras import needs_extra
from graphgan.faces import (
    FaceNet,
    MTCNNDetector,
    ToolOptions,
    make_detector,
    make_landmarker,
    make_recogniser,
)
from graphgan.faces.registry import DetectorName, LandmarkerName, RecogniserName
from graphgan.files import require_new_folder
from graphgan.landmarks.schemes import IBUG_68
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.inception import InceptionFeatures
from graphgan.training.devices import memory_errors_explained

_LEAST_FACE = 40  # pixels, of images that are 128 and larger: dlib's detector doubles them once


@dataclass(frozen=True, kw_only=True)
class Options:
    """Detection, pose, recognition, naturalness and likeness of several anonymisers, in one table.

    What was computed before is taken from --cache: a further system costs only itself.
    """

    data: Path
    """Folder made by prepare.py."""
    systems: tuple[str, ...]
    """original, blur, pixelate, anonygan (the shipped weights), anonygan=FILE, ciagan=FILE,
    folder=DIR (results of any other tool, by file name); anonygan:NAME=FILE for a name of its
    own."""
    out: Path
    """Folder for report.md, .csv, .json, plots, the contact sheet and pairs.csv."""
    split: Splits = "test"
    """Whose pictures are anonymised."""
    people: int | None = None
    """At most this many people, drawn by the seed; the gallery then holds them alone."""
    count: int | None = None
    """At most this many pictures, spread evenly."""
    conditions: ConditionRule = "next"
    """Whose identity is shown: of the next person (a random picture, as published), drawn for each
    picture, or fixed for each person."""
    condition_split: Splits | None = None
    """Whose pictures are conditions, the parrot's too; those of --split if not given. CIAGAN knows
    "train" alone."""
    videos: str | None = None
    """Expression on a photo's path whose first group names its video, such as '/(.)' where the
    first character of the file's name does; folders below a person's by default."""
    pairs: Path | None = None
    """The pairs.csv of another evaluation, to ask the same of other systems."""
    detector: DetectorName = "centerface"
    """What finds faces, for recognition too; published figures were mostly measured with dlib."""
    landmarker: LandmarkerName = "face-mesh"
    """What finds the landmarks of faces; dlib is an extra."""
    recogniser: RecogniserName = "dlib-resnet"
    """What tells people apart."""
    mtcnn: Path | None = None
    """Weights of MTCNN, a second detector (a folder with pnet.pt, rnet.pt and onet.pt)."""
    facenet: tuple[Path, ...] = ()
    """Weights of FaceNet (InceptionResnetV1 trained on CASIA-WebFace, on VGGFace2): further
    recognisers."""
    features: Path | None = None
    """For FID and KID: a program (torch.export, .pt2) from 8-bit pictures to features, or the
    weights (.pth) of the Inception-v3 that published FIDs are of."""
    published: Path | None = None
    """A CSV file (system,metric,value,source) of figures to print beside, marked as the paper's."""
    frechet_count: int = 300
    """Pictures on each side of every Frechet distance."""
    min_iou: float = 0.3
    """Overlap of a found box with that of the landmarks from which it counts as in place."""
    false_accept_rate: float = 0.01
    """Of original faces, at which verification is calibrated."""
    by_group: bool = False
    """Measure halves of the pictures as well: from the front and turned, small and large, dark and
    bright."""
    batch_size: int = 32
    """Pictures that a network is given at once."""
    device: str = "auto"
    """Of the networks: cpu, cuda (or gpu), mps, or auto for the fastest there is."""
    workers: int = os.cpu_count() or 1
    """Processes that detect and describe faces."""
    cache: Path = Path("runs/evaluation-cache")
    """Folder of what was computed before, by content."""
    seed: int = 0
    """Of everything that is drawn."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "workers", "frechet_count"):
            if getattr(self, name) < 1:
                flag = name.replace("_", "-")
                raise ValueError(f"expected --{flag} of at least 1, got {getattr(self, name)}")
        if not 0 <= self.min_iou <= 1 or not 0 < self.false_accept_rate < 1:
            raise ValueError("expected --min-iou and --false-accept-rate between 0 and 1")
        if self.seed < 0:
            raise ValueError(f"expected --seed of 0 and more, got {self.seed}")
        if not self.systems:
            raise ValueError(f"expected --systems among {SYSTEMS}")


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        run(options)


def run(options: Options) -> None:
    """What cannot be measured is found out before the work begins."""
    _check_out(options.out)
    with needs_extra("recipes"):
        import matplotlib  # noqa: F401
    faces = PreparedPictures(options.data, scheme=IBUG_68)
    faces.check_masks()
    systems = [parse_system(text, device=options.device) for text in options.systems]
    published = [] if options.published is None else read_published(options.published)
    features = None if options.features is None else open_features(options.features)
    listed = sorted({pair.a for pair in read_fold_pairs(faces.root, faces.pictures)})
    split: Splits = "all" if listed else options.split
    condition_split = options.condition_split or split
    trials = open_trials(options, faces, listed, condition_split)
    tools = open_tools(options)
    settings = Settings(
        min_iou=options.min_iou,
        false_accept_rate=options.false_accept_rate,
        frechet_count=options.frechet_count,
        condition_split=condition_split,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    examiner = Examiner(
        tools,
        workers=options.workers,
        cache=ResultCache(options.cache),
        progress=progress,
    )
    with examiner:
        study = Study(faces, trials, examiner, settings)
        evaluation = evaluate(study, systems, features=features, by_group=options.by_group)
    write_report(evaluation, options.out, published=published, command=shlex.join(sys.argv))
    write_trials(options.out / "pairs.csv", faces.pictures, trials)
    print("\n".join(tables(evaluation, published)))
    for warning in evaluation.warnings:
        print(f"note: {warning}")
    print(f"look at {options.out}/report.md and {options.out}/sheet.png")


def open_trials(
    options: Options, faces: PreparedPictures, listed: list[int], condition_split: Splits
) -> Trials:
    """Those of another evaluation, of LFW's list, or drawn."""
    if options.pairs is not None:
        return read_trials(options.pairs, faces.pictures)
    return make_trials(
        faces.pictures,
        split=options.split,
        people=options.people,
        count=options.count,
        conditions=options.conditions,
        condition_split=condition_split,
        videos=options.videos,
        probes=listed or None,
        seed=options.seed,
    )


def open_features(path: Path) -> nn.Module:
    """A program as it is, or Inception-v3 with those weights."""
    return InceptionFeatures(path) if path.suffix == ".pth" else ExportedProgram(path)


def open_tools(options: Options) -> Tools:
    """Those that are named, and what there are weights of."""
    others = [] if options.mtcnn is None else [MTCNNDetector(options.mtcnn)]
    networks = [FaceNet(path, name=f"FaceNet {path.stem}") for path in options.facenet]
    asked = ToolOptions(min_face=_LEAST_FACE)
    return Tools(
        make_detector(options.detector, asked),
        make_landmarker(options.landmarker, asked),
        [make_recogniser(options.recogniser, asked), *networks],
        others,
    )


def progress(answers: Iterable[Any], total: int, what: str) -> Iterable[Any]:
    """A bar for each piece of work that takes a while."""
    with needs_extra("recipes"):
        from tqdm import tqdm
    return tqdm(answers, total=total, desc=what, leave=False, delay=1)


def _check_out(out: Path) -> None:
    """New, empty, or of an earlier evaluation; and to be written to."""
    if not (out / "report.json").is_file():
        require_new_folder(out, "or one of an earlier evaluation; name another by --out")
    above = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ValueError(f"expected --out where folders can be made, got {out}: {above} is no such")


if __name__ == "__main__":
    run_command(main, Options)
