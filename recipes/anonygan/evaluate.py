"""Compare anonymizers on prepared faces: `python recipes/anonygan/evaluate.py --help`."""

import contextlib
import hashlib
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import prepare
import torch

from graphgan.commands import run_command
from graphgan.data import PreparedPictures, file_checksum
from graphgan.evaluation import (
    SYSTEMS,
    ConditionRule,
    EvaluationProtocol,
    Features,
    Groups,
    ResultCache,
    Settings,
    Splits,
    Study,
    ToolRunner,
    Tools,
    draw_protocol,
    evaluate,
    first_page,
    gaps,
    parse_bins,
    parse_system,
    probe_groups,
    read_fold_pairs,
    read_groups,
    read_protocol,
    read_published,
    write_protocol,
    write_report,
)
from graphgan.extras import MissingExtraError, needs_extra
from graphgan.faces import (
    DetectorName,
    ExpressionReader,
    FaceNet,
    LandmarkerName,
    MTCNNDetector,
    Recognizer,
    ToolOptions,
    make_detector,
    make_landmarker,
    make_recognizer,
    parse_recognizer,
)
from graphgan.files import require_new_folder
from graphgan.metrics import ExportedProgram, InceptionFeatures, RealismFeatures
from graphgan.training import memory_errors_explained

_LEAST_FACE = 40  # pixels, of images that are 128 and larger: dlib's detector doubles them once


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure privacy, utility and realism of several anonymizers and write one report.

    Every image of --split is measured. Earlier results are reused from --cache, so adding a system
    costs only that system.
    """

    data: Path
    """Folder written by prepare.py or, with --landmarks, a folder of photos with one subfolder per
    person."""
    systems: tuple[str, ...]
    """Systems to compare: original; pixelate, blur and solid as graphgan-anonymize applies them;
    published-pixelate and published-blur as papers use them for comparison; anonygan (shipped
    weights, identities of --conditions); product (shipped weights, nonexistent people, as
    graphgan-anonymize does); anonygan=FILE; ciagan=FILE; folder=DIR (results of any other tool,
    matched by file name). Write anonygan:NAME=FILE to choose a display name."""
    paste: Literal["mask", "none"] = "mask"
    """What to measure for anonygan and ciagan: results pasted into the source's face mask, as the
    anonymizer does, or the raw network output, as the paper measures its I_g."""
    out: Path
    """Output folder for report.md, .csv, .json, plots, the contact sheet and pairs.csv."""
    landmarks: Path | None = None
    """Landmarks of photos in --data, as a CSV file (image,x0,y0,x1,y1,...). Faces are cropped
    once and stored in --cache."""
    size: int = 256
    """Side of the face crops in pixels, when --data holds photos."""
    test_people: int | None = None
    """Number of people in the test split (the last ones in sorted order), when --data holds photos.
    Default: a tenth of all people."""
    split: Splits = "test"
    """Split to anonymize and measure."""
    people: int | None = None
    """Measure at most this many people, drawn at random. The gallery then contains only them."""
    count: int | None = None
    """Measure at most this many images, spread evenly over the split."""
    conditions: ConditionRule = "next"
    """Whose identity is shown: that of the next person (a random image, as published), of a person
    drawn for each image, or of a fixed one for each person."""
    parrot_images: int = 3
    """At most this many images of each person in the gallery, from whose anonymized versions an
    attacker (the parrot) learns; recognition excludes these images. 0 for no parrot."""
    condition_split: Splits | None = None
    """Split that supplies the condition images, also for the parrot. Default: --split. CIAGAN can
    only use "train"."""
    videos: str | None = None
    """Regular expression on a photo's path whose first group identifies its video, such as '/(.)'
    for the first character of the file name. Default: subfolders of a person's folder."""
    pairs: Path | None = None
    """pairs.csv from another evaluation, to measure other systems on the same pairs."""
    detector: DetectorName = "centerface"
    """Face detector, also used for recognition. Most published figures use dlib."""
    landmarker: LandmarkerName = "face-mesh"
    """Landmark detector. dlib needs an extra."""
    recognizer: tuple[str, ...] = ("dlib-resnet",)
    """Face recognizers. dlib-resnet is the one the anonymizer uses to check its own results, or
    NAME=FILE[,OPTION...] for any ONNX or TensorFlow Lite network, such as r50=w600k_r50.onnx
    (options: bgr; zero-to-one, raw or imagenet-mean; loose; no-flip)."""
    mtcnn: Path | None = None
    """MTCNN weights, for a second detector: the facenet-pytorch wheel, or a folder with pnet.pt,
    rnet.pt and onet.pt."""
    facenet: tuple[Path, ...] = ()
    """FaceNet weights (InceptionResnetV1 trained on CASIA-WebFace or VGGFace2), for additional
    recognizers."""
    features: Path | None = None
    """Additional feature network for realism metrics: a torch.export program (.pt2) that maps 8-bit
    images to features, or Inception-v3 weights (.pth) for standard FID. FD-lite2 is always
    measured."""
    published: Path | None = None
    """CSV file (system,metric,value,deviation,source) of published figures to print below the
    measured ones, such as recipes/anonygan/published.csv."""
    frechet_count: int = 300
    """Number of images on each side of every Frechet distance."""
    min_iou: float = 0.3
    """Minimum overlap (IoU) of a detected box with the landmarks' box to count as correctly
    placed."""
    false_accept_rates: tuple[float, ...] = (0.01, 0.001)
    """False-accept rates at which verification is calibrated, on pairs of different original
    people."""
    by_group: bool = False
    """Also report on halves of the images: frontal or turned, small or large, dark or bright."""
    groups: Path | None = None
    """CSV file with a column image or person and others such as sex, age or glasses, to report by
    group. Text columns are grouped by value, numbers in thirds."""
    bins: tuple[str, ...] = ()
    """Bin edges for a numeric column of --groups, instead of thirds: age=30,50."""
    batch_size: int = 32
    """Number of images in a batch."""
    device: str = "auto"
    """Device for the networks: cpu, cuda (or gpu), mps, or auto for the fastest available."""
    workers: int = os.cpu_count() or 1
    """Number of processes for detection and recognition."""
    cache: Path = Path("runs/evaluation-cache")
    """Folder for intermediate results, keyed by content."""
    seed: int = 0
    """Random seed for everything that is drawn."""

    def __post_init__(self) -> None:
        for name in ("batch_size", "workers", "frechet_count"):
            if getattr(self, name) < 1:
                flag = name.replace("_", "-")
                raise ValueError(f"expected --{flag} of at least 1, got {getattr(self, name)}")
        rates = self.false_accept_rates
        if not 0 <= self.min_iou <= 1 or not all(0 < rate < 1 for rate in rates):
            raise ValueError("expected --min-iou and --false-accept-rates between 0 and 1")
        if len(set(rates)) < len(rates) or not self.recognizer:
            raise ValueError("expected at least one recognizer and different false-accept rates")
        for name in ("seed", "parrot_images"):
            if getattr(self, name) < 0:
                flag = name.replace("_", "-")
                raise ValueError(f"expected --{flag} of at least 0, got {getattr(self, name)}")
        if self.bins and self.groups is None:
            raise ValueError("expected --groups together with --bins, which name its columns")
        parse_bins(self.bins)
        if not self.systems:
            raise ValueError(f"expected --systems among {SYSTEMS}")


def main(options: Options) -> None:
    with memory_errors_explained("a smaller --batch-size needs less"), torch.no_grad():
        run(options)


def run(options: Options) -> None:
    """Run the evaluation; settings that cannot work are refused before anything is computed."""
    _check_out(options.out)
    with needs_extra("recipes"):
        import matplotlib  # noqa: F401
    recognizers = [open_recognizer(text) for text in options.recognizer]
    faces = open_faces(options)
    faces.check_masks()
    pasted = options.paste == "mask"
    parse = partial(parse_system, pasted=pasted, device=options.device, scheme=faces.scheme)
    systems = [parse(name) for name in options.systems]
    published = [] if options.published is None else read_published(options.published)
    features = open_features(options.features)
    listed = sorted({pair.a for pair in read_fold_pairs(faces.root, faces.pictures)})
    split: Splits = "all" if listed else options.split
    condition_split = options.condition_split or split
    protocol = open_protocol(options, faces, listed, condition_split)
    groups, remarks = open_groups(options, faces, protocol)
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
    with ToolRunner(tools, workers=options.workers, cache=cache, progress=progress) as tool_runner:
        study = Study(faces, protocol, tool_runner, settings)
        halves = probe_groups(study) if options.by_group else {}
        evaluation = evaluate(study, systems, features=features, groups=halves | groups)
    evaluation.warnings.extend(remarks)
    write_report(evaluation, options.out, published=published, command=shlex.join(sys.argv))
    write_protocol(options.out / "pairs.csv", faces.pictures, protocol)
    for caution in evaluation.cautions:
        print(f"note: {caution}")
    print("\n".join(first_page(evaluation)))
    print("\n".join(gaps(evaluation)))
    for warning in evaluation.warnings:
        print(f"note: {warning}")
    print(f"look at {options.out}/report.md and {options.out}/sheet.png")


def open_groups(
    options: Options, faces: PreparedPictures, protocol: EvaluationProtocol
) -> tuple[Groups, list[str]]:
    """Read --groups; returns the groups and a note on images in none of them."""
    if options.groups is None:
        return {}, []
    probes = [faces.pictures[i] for i in protocol.probes]
    return read_groups(options.groups, probes, bins=parse_bins(options.bins))


def open_protocol(
    options: Options, faces: PreparedPictures, listed: list[int], condition_split: Splits
) -> EvaluationProtocol:
    """Those of another evaluation, of LFW's list, or drawn."""
    if options.pairs is not None:
        return read_protocol(options.pairs, faces.pictures)
    return draw_protocol(
        faces.pictures,
        split=options.split,
        people=options.people,
        count=options.count,
        conditions=options.conditions,
        parrot_images=options.parrot_images,
        condition_split=condition_split,
        videos=options.videos,
        probes=listed or None,
        seed=options.seed,
    )


def open_faces(options: Options) -> PreparedPictures:
    """Open the prepared folder, or prepare one from photos."""
    if options.landmarks is None:
        return PreparedPictures(options.data)
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
    faces = PreparedPictures(out)
    if options.split != "all" and not any(p.split == options.split for p in faces.pictures):
        raise ValueError(
            f"{options.data}: no people in the split {options.split!r}; set "
            "--test-people, or measure all with --split all"
        )
    return faces


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def open_features(path: Path | None) -> list[Features]:
    """EfficientNet-lite2 if its weights are installed, and the network of --features."""
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
    """Open one of the library's recognizers by name, or one from a file."""
    if "=" in text:
        return parse_recognizer(text)
    return make_recognizer(text, ToolOptions(min_face=_LEAST_FACE))


def open_tools(options: Options, recognizers: list[Recognizer]) -> Tools:
    """The tools the options name, as far as their weights are available."""
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
    """Show a progress bar for each slow step."""
    with needs_extra("recipes"):
        from tqdm import tqdm
    return tqdm(answers, total=total, desc=what, leave=False, delay=1)


def _check_out(out: Path) -> None:
    """Check that the folder is writable and new, empty, or from an earlier evaluation."""
    if not (out / "report.json").is_file():
        require_new_folder(out, "or the folder of an earlier evaluation; choose another with --out")
    above = next(folder for folder in (out, *out.resolve().parents) if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ValueError(
            f"expected --out where folders can be created, got {out}: {above} is not a folder"
        )


if __name__ == "__main__":
    run_command(main, Options)
