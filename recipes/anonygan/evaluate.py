"""Compare anonymizers on prepared faces: `python recipes/anonygan/evaluate.py --help`."""

import contextlib
import hashlib
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import prepare
import torch

from graphgan.commands import run_command
from graphgan.data.prepare_command import file_checksum
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
from graphgan.evaluation.features import Features
from graphgan.evaluation.first_page import first_page
from graphgan.evaluation.folds import read_fold_pairs
from graphgan.evaluation.gaps import gaps
from graphgan.evaluation.group_files import parse_bins, read_groups
from graphgan.evaluation.groups import Groups, probe_groups
from graphgan.evaluation.system_names import SYSTEMS, parse_system
from graphgan.evaluation.tables import read_published
from graphgan.evaluation.trial_files import read_trials, write_trials
from graphgan.evaluation.trials import ConditionRule, Splits
from graphgan.extras import MissingExtraError, needs_extra
from graphgan.faces import (
    ExpressionReader,
    FaceNet,
    MTCNNDetector,
    Recognizer,
    ToolOptions,
    make_detector,
    make_landmarker,
    make_recognizer,
    parse_recognizer,
)
from graphgan.faces.registry import DetectorName, LandmarkerName
from graphgan.files import require_new_folder
from graphgan.landmarks.schemes import IBUG_68
from graphgan.metrics.exported import ExportedProgram
from graphgan.metrics.inception import InceptionFeatures
from graphgan.metrics.realism import RealismFeatures
from graphgan.training.devices import memory_errors_explained

_LEAST_FACE = 40  # pixels, of images that are 128 and larger: dlib's detector doubles them once


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is still recognized, and what is still a face, after several anonymizers: one report.

    Every image of --split is measured. What was computed before is taken from --cache: a further
    system costs only itself.
    """

    data: Path
    """Folder made by prepare.py; or, with --landmarks, photos in a folder for each person."""
    systems: tuple[str, ...]
    """original; pixelate, blur and solid as graphgan-anonymize makes them, published-pixelate and
    published-blur as papers compare with; anonygan (the shipped weights, showing people of
    --conditions), product (the same, showing people who do not exist, as graphgan-anonymize does),
    anonygan=FILE, ciagan=FILE; folder=DIR (results of any other tool, by file name).
    anonygan:NAME=FILE gives a name of its own."""
    paste: Literal["mask", "none"] = "mask"
    """What is measured of anonygan and ciagan: their results in the face mask of the source, as the
    anonymizer pastes them, or the networks' own images, as the paper measures its I_g."""
    out: Path
    """Folder for report.md, .csv, .json, plots, the contact sheet and pairs.csv."""
    landmarks: Path | None = None
    """Where --data are photos: a CSV file of their landmarks (image,x0,y0,...,x67,y67). The faces
    are then cut out of them, once, into the folder of --cache."""
    size: int = 256
    """Where --data are photos: pixels of a face's side, at which images are judged."""
    test_people: int | None = None
    """Where --data are photos: people of the split "test", the last in sorted order; a tenth of all
    when not given."""
    split: Splits = "test"
    """Whose images are anonymized: all of them."""
    people: int | None = None
    """At most this many people, drawn by the seed; the gallery then holds them alone."""
    count: int | None = None
    """At most this many images, spread evenly."""
    conditions: ConditionRule = "next"
    """Whose identity is shown: of the next person (a random image, as published), drawn for each
    image, or fixed for each person."""
    lessons: int = 3
    """At most this many images of each person in the gallery that an attacker (the parrot) holds
    in anonymized form and learns from; recognition is not asked about them. 0 for none."""
    condition_split: Splits | None = None
    """Whose images are conditions, the parrot's too; those of --split if not given. CIAGAN knows
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
    recognizer: tuple[str, ...] = ("dlib-resnet",)
    """What tells people apart, one or several: dlib-resnet, which the anonymizer itself checks its
    results with, and NAME=FILE[,OPTION...] for any network in an ONNX or TensorFlow Lite file, such
    as r50=w600k_r50.onnx (options: bgr; zero-to-one, raw or imagenet-mean; loose; no-flip)."""
    mtcnn: Path | None = None
    """Weights of MTCNN, a second detector: the wheel of facenet-pytorch, or a folder with pnet.pt,
    rnet.pt and onet.pt."""
    facenet: tuple[Path, ...] = ()
    """Weights of FaceNet (InceptionResnetV1 trained on CASIA-WebFace, on VGGFace2): further
    recognizers."""
    features: Path | None = None
    """Further features, for distances to real images and for telling results from them: a program
    (torch.export, .pt2) from 8-bit images to features, or the weights (.pth) of the Inception-v3
    that published FIDs are of. FD-lite2 is always measured."""
    published: Path | None = None
    """A CSV file (system,metric,value,deviation,source) of figures to print below those of the same
    metrics, marked as the paper's, such as recipes/anonygan/published.csv."""
    frechet_count: int = 300
    """Images on each side of every Frechet distance."""
    min_iou: float = 0.3
    """Overlap of a found box with that of the landmarks from which it counts as in place."""
    false_accept_rates: tuple[float, ...] = (0.01, 0.001)
    """Shares of pairs of different original people, at which verification is calibrated."""
    by_group: bool = False
    """Measure halves of the images as well: from the front and turned, small and large, dark and
    bright."""
    groups: Path | None = None
    """A CSV file with a column image or person, and others such as sex, age or glasses: measure
    their groups as well, words by value, numbers in thirds."""
    bins: tuple[str, ...] = ()
    """Where the groups of a column of numbers begin, in place of thirds: age=30,50."""
    batch_size: int = 32
    """Images that a network is given at once."""
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
        rates = self.false_accept_rates
        if not 0 <= self.min_iou <= 1 or not all(0 < rate < 1 for rate in rates):
            raise ValueError("expected --min-iou and --false-accept-rates between 0 and 1")
        if len(set(rates)) < len(rates) or not self.recognizer:
            raise ValueError("expected a recognizer and false-accept rates that differ")
        for name in ("seed", "lessons"):
            if getattr(self, name) < 0:
                raise ValueError(f"expected --{name} of at least 0, got {getattr(self, name)}")
        if self.bins and self.groups is None:
            raise ValueError("expected --groups, whose columns the --bins are of")
        parse_bins(self.bins)
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
    recognizers = [open_recognizer(text) for text in options.recognizer]
    faces = open_faces(options)
    faces.check_masks()
    pasted = options.paste == "mask"
    systems = [parse_system(x, pasted=pasted, device=options.device) for x in options.systems]
    published = [] if options.published is None else read_published(options.published)
    features = open_features(options.features)
    listed = sorted({pair.a for pair in read_fold_pairs(faces.root, faces.pictures)})
    split: Splits = "all" if listed else options.split
    condition_split = options.condition_split or split
    trials = open_trials(options, faces, listed, condition_split)
    groups, remarks = open_groups(options, faces, trials)
    settings = Settings(
        min_iou=options.min_iou,
        false_accept_rates=options.false_accept_rates,
        frechet_count=options.frechet_count,
        condition_split=condition_split,
        batch_size=options.batch_size,
        seed=options.seed,
    )
    cache = ResultCache(options.cache)
    tools = open_tools(options, recognizers)
    with Examiner(tools, workers=options.workers, cache=cache, progress=progress) as examiner:
        study = Study(faces, trials, examiner, settings)
        halves = probe_groups(study) if options.by_group else {}
        evaluation = evaluate(study, systems, features=features, groups=halves | groups)
    evaluation.warnings.extend(remarks)
    write_report(evaluation, options.out, published=published, command=shlex.join(sys.argv))
    write_trials(options.out / "pairs.csv", faces.pictures, trials)
    for caution in evaluation.cautions:
        print(f"note: {caution}")
    print("\n".join(first_page(evaluation)))
    print("\n".join(gaps(evaluation)))
    for warning in evaluation.warnings:
        print(f"note: {warning}")
    print(f"look at {options.out}/report.md and {options.out}/sheet.png")


def open_groups(
    options: Options, faces: PreparedPictures, trials: Trials
) -> tuple[Groups, list[str]]:
    """Those of --groups, and what is in none of them."""
    if options.groups is None:
        return {}, []
    probes = [faces.pictures[i] for i in trials.probes]
    return read_groups(options.groups, probes, bins=parse_bins(options.bins))


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
        lessons=options.lessons,
        condition_split=condition_split,
        videos=options.videos,
        probes=listed or None,
        seed=options.seed,
    )


def open_faces(options: Options) -> PreparedPictures:
    """The prepared folder, or one that is made of photos."""
    if options.landmarks is None:
        return PreparedPictures(options.data, scheme=IBUG_68)
    if not options.landmarks.is_file():
        raise ValueError(f"{options.landmarks}: no such file; expected landmarks of the photos")
    stats = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in _files(options.data)]
    made_of = (stats, file_checksum(options.landmarks), options.size, options.test_people)
    name = hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]
    out = options.cache / f"photos-{name}"
    if not (out / "prepared.json").is_file():
        prepare.main(
            prepare.Options(
                images=options.data,
                landmarks=str(options.landmarks),
                out=out,
                size=options.size,
                test_people=options.test_people,
                workers=options.workers,
            )
        )
    faces = PreparedPictures(out, scheme=IBUG_68)
    if options.split != "all" and not any(p.split == options.split for p in faces.pictures):
        raise ValueError(
            f"{options.data}: no people in the split {options.split!r}; say how many by "
            "--test-people, or measure all by --split all"
        )
    return faces


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def open_features(path: Path | None) -> list[Features]:
    """EfficientNet-lite2 where its weights are installed, and those of a file."""
    features: list[Features] = []
    with contextlib.suppress(MissingExtraError):
        features.append(RealismFeatures())
    if path is not None:
        own = InceptionFeatures(path) if path.suffix == ".pth" else ExportedProgram(path)
        if path.suffix != ".pth":  # Inception's distances are FID and KID
            own.name = path.stem
        features.append(own)
    return features


def open_recognizer(text: str) -> Recognizer:
    """One of the library's by name, or that of a file."""
    if "=" in text:
        return parse_recognizer(text)
    return make_recognizer(text, ToolOptions(min_face=_LEAST_FACE))


def open_tools(options: Options, recognizers: list[Recognizer]) -> Tools:
    """Those that are named, and what there are weights of."""
    others = [] if options.mtcnn is None else [MTCNNDetector(options.mtcnn)]
    networks = [FaceNet(path, name=f"FaceNet {path.stem}") for path in options.facenet]
    asked = ToolOptions(min_face=_LEAST_FACE)
    return Tools(
        make_detector(options.detector, asked),
        make_landmarker(options.landmarker, asked),
        [*recognizers, *networks],
        others,
        ExpressionReader(),
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
