"""``graphgan-anonymize``: photos, folders and videos with their faces replaced."""

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from graphgan.anonymize.anonymizer import Anonymizer
from graphgan.anonymize.conditions import Condition, drawn_conditions, photo_conditions
from graphgan.anonymize.files import Audio, FileAnonymizer
from graphgan.anonymize.inputs import STREAM, Job, Plan, plan_jobs
from graphgan.anonymize.methods import FaceMethod, GeneratedFaces, ObscuredFaces, Obscuring
from graphgan.anonymize.report import FileReport, count_statuses, write_reports
from graphgan.anonymize.selection import Box, Selection
from graphgan.anonymize.video.streams import live_source
from graphgan.commands import exit_with, parse_options
from graphgan.data.images import read_image
from graphgan.data.progress_record import ProgressRecord, start_record
from graphgan.extras import needs_extra
from graphgan.faces.embedders import DlibEmbedder, Embedder
from graphgan.faces.search import FaceSearch
from graphgan.landmarks.detection import DlibDetector, FindFaces
from graphgan.models import AnonyGAN
from graphgan.models.onnx_generator import OnnxAnonyGAN
from graphgan.training.devices import memory_errors_explained, torch_device
from graphgan.training.interrupts import StopRequest, stop_on_signal
from graphgan.training.run_folder import newest_weights

NO_FACE = 3
"""Exit status where a file was not copied, since no face was found in it."""

RECORD = ".graphgan-anonymize.jsonl"
"""In the output folder: what is done, so that a run can be gone on with."""

Mode = Literal["anonygan", "blur", "pixelate", "solid"]
Search = Literal["thorough", "fast"]

_FRONTAL = 80  # pixels of the smallest faces that dlib's frontal detector knows
_MOST_PIXELS = 4096  # of a photo's longer side, for it


@dataclass(frozen=True, kw_only=True)
class Options:
    """Replace every face in photos, folders of photos, and videos."""

    inputs: tuple[str, ...]
    """Photos, videos, and folders of them; - for a video on standard input, or a camera."""
    out: Path | None = None
    """Folder for the results (needed); they keep their names, and the tree of a folder."""
    mode: Mode | None = None
    """What is put in the place of a face: by default anonygan with a checkpoint, else pixelate."""
    checkpoint: Path | None = None
    """Weights of AnonyGAN (generator.safetensors, or .onnx), or the folder of a run."""
    condition: str = "random"
    """Who is shown: a photo of one face, a folder of such, or random for drawn people."""
    fallback: Obscuring = "pixelate"
    """What covers a face that cannot be replaced."""
    keep: tuple[str, ...] = ()
    """Faces that stay: a photo of the person, or a box as left,top,right,bottom."""
    only: tuple[str, ...] = ()
    """Boxes of the only faces that are replaced."""
    copy_unmatched: bool = False
    """Write files in which no face is found, too; by default they are left out."""
    audio: Audio = "keep"
    """Sound of videos; a voice identifies."""
    report: Path | None = None
    """What became of every face, as .json and .csv; report.json in --out by default."""
    overwrite: bool = False
    """Replace results that are there."""
    resume: bool = False
    """Go on where a run with the same options was stopped."""
    threshold: float | None = None
    """Distance of descriptors up to which a face counts as recognised; dlib's 0.6 by default."""
    tries: int = 3
    """People that a face is tried with before the fallback covers it."""
    search: Search = "thorough"
    """Thorough finds turned, leaning and lying faces too; fast is dlib's frontal detector."""
    min_face: int = 40
    """Pixels of the smallest faces that are looked for: half of it takes four times as long."""
    size: tuple[int, int] | None = None
    """Height and width of the faces that a network was trained on, where it does not say so."""
    seed: int = 0
    """Chooses who is shown where."""
    device: str = "auto"
    """cpu, cuda (or gpu), mps, or auto for the fastest there is."""
    serve: bool = False
    """Show a page in the browsers of this machine instead, where photos are dropped."""
    host: str = "127.0.0.1"
    """Of the page: any other address opens it to others."""
    port: int = 8000
    """Of the page; 0 takes a free one."""

    def __post_init__(self) -> None:
        if self.serve and (self.inputs or self.out):
            raise ValueError("expected --serve without inputs and --out: it shows a page")
        if not self.serve and not self.inputs:
            raise ValueError("expected photos, videos or folders (see --help)")
        if not self.serve and self.out is None:
            raise ValueError("expected --out DIR (see --help)")
        if self.mode == "anonygan" and self.checkpoint is None:
            raise ValueError("expected --checkpoint with --mode anonygan, got none")
        if self.overwrite and self.resume:
            raise ValueError("expected --overwrite or --resume, got both")
        if self.resume and self.is_live:
            raise ValueError("expected - without --resume: a stream begins anew")
        if self.report is not None and self.report.suffix != ".json":
            raise ValueError(f"expected --report FILE.json, got {self.report}")
        if self.min_face < 1:
            raise ValueError(f"expected --min-face of 1 and more, got {self.min_face}")

    @property
    def is_live(self) -> bool:
        """Whether a stream is read."""
        return STREAM in self.inputs

    @property
    def folder(self) -> Path:
        """Of the results."""
        assert self.out is not None
        return self.out

    @property
    def chosen_mode(self) -> Mode:
        return self.mode or ("pixelate" if self.checkpoint is None else "anonygan")


def main() -> None:
    """Entry point of ``graphgan-anonymize``."""
    exit_with(_main)


def _main() -> int:
    with needs_extra("recipes"):
        from tyro.conf import PositionalRequiredArgs
    options = parse_options(Options, config=(PositionalRequiredArgs,))
    if not options.serve:
        return anonymize(options)
    from graphgan.anonymize.serve import serve

    serve(make_anonymizer(options), host=options.host, port=options.port)
    return 0


def anonymize(options: Options) -> int:
    """Do what the options say; returns the exit status."""
    record = options.folder / RECORD
    plan = plan_jobs(
        options.inputs,
        options.folder,
        overwrite=options.overwrite,
        done=frozenset(_names_done(record)) if options.resume else frozenset(),
    )
    if options.is_live:
        live_source()  # or it ends here
    with memory_errors_explained("smaller photos need less"):
        anonymizer = make_anonymizer(options)
        about = _about(options, anonymizer)
        options.folder.mkdir(parents=True, exist_ok=True)
        if not (options.resume and record.exists()):
            start_record(record, about)
        work = FileAnonymizer(
            anonymizer, options.copy_unmatched, options.audio, frontal_detector(options.min_face)
        )
        return _run(options, plan, work, about)


def _run(options: Options, plan: Plan, work: FileAnonymizer, about: dict[str, Any]) -> int:
    files = {name: FileReport(name, "left out", error=why) for name, why in plan.left_out.items()}
    path = options.report or options.folder / "report.json"
    try:
        with (
            ProgressRecord(options.folder / RECORD, about) as record,
            stop_on_signal() as stop,
        ):
            before = {entry["name"]: FileReport.from_json(entry) for entry in record.entries}
            for report in _reports(plan.jobs, work, before, stop):
                files[report.name] = report
                if before.get(report.name) != report:
                    record.add(report.as_json())
    finally:  # an interrupt, too, leaves a report of what is done
        write_reports(path, list(files.values()), about)
    _say(options, files, path)
    return _status(list(files.values()))


def _reports(
    jobs: list[Job], work: FileAnonymizer, before: dict[str, FileReport], stop: StopRequest
) -> Iterator[FileReport]:
    with needs_extra("recipes"):
        from tqdm import tqdm
    with tqdm(total=len(jobs), unit="file", disable=None) as bar:
        for job in jobs:
            bar.set_description(job.name[-30:])
            report = before.get(job.name)
            if report is None or not _is_done(report, job):
                live = job.kind == "stream"
                report = (_recording if live else _file)(work, job, bar, stop)
                bar.set_postfix_str("")
                if report.status == "failed":
                    bar.write(f"error: {report.error}", file=sys.stderr)
            yield report
            bar.update()
            _check(stop)


def _file(work: FileAnonymizer, job: Job, bar: Any, stop: StopRequest) -> FileReport:
    return work(job, on_frame=_Frames(bar, stop))


def _recording(work: FileAnonymizer, job: Job, bar: Any, stop: StopRequest) -> FileReport:
    """Of a stream: to stop is to end it."""
    print("reading a stream: Ctrl-C ends it and keeps what came", flush=True)
    report = work(job, on_frame=_Frames(bar, StopRequest()), stopped=stop.__bool__)
    stop.requested = False
    return report


class _Frames:
    """Shows which frame of a video is worked on, and what for."""

    def __init__(self, bar: Any, stop: StopRequest) -> None:
        self.bar, self.stop = bar, stop
        self.counts: dict[str, int] = {}

    def __call__(self, step: str) -> None:
        self.counts[step] = self.counts.get(step, 0) + 1
        self.bar.set_postfix_str(f"{step} frame {self.counts[step]}")
        _check(self.stop)


def _check(stop: StopRequest) -> None:
    """Between two photos or frames: inside them, libraries might swallow an interrupt."""
    if stop:
        raise KeyboardInterrupt


def _is_done(report: FileReport, job: Job) -> bool:
    """Of a run before: there is nothing to do again."""
    if report.status in ("anonymised", "copied"):
        return job.target.is_file()
    return report.status == "no face"


def _names_done(record: Path) -> list[str]:
    if not record.is_file():
        return []
    lines = record.read_text("ascii", errors="replace").splitlines()[1:]
    names = []
    for line in lines:
        try:
            names.append(str(json.loads(line)["name"]))
        except (ValueError, KeyError, TypeError):
            continue  # torn: of a process that was killed
    return names


def make_anonymizer(options: Options) -> Anonymizer:
    """The anonymiser that the options ask for, with what it needs loaded and checked.

    Raises:
        ValueError: no such weights, conditions or people to keep.
        MissingExtraError: dlib is not installed.
    """
    detector, embedder = make_detector(options), DlibEmbedder()
    method = make_method(options)
    conditions: list[Condition] = []
    if method.uses_conditions:
        conditions = _conditions(options, detector, method)
    return Anonymizer(
        method,
        detector,
        conditions,
        fallback=options.fallback,
        embedder=embedder,
        threshold=options.threshold,
        tries=options.tries,
        selection=_selection(options, detector, embedder),
        seed=options.seed,
    )


def make_detector(options: Options) -> FindFaces:
    """What looks for faces in photos."""
    if options.search == "thorough":
        return FaceSearch(options.min_face)
    return frontal_detector(options.min_face)


def frontal_detector(min_face: int) -> DlibDetector:
    """dlib's detector, with so many doublings of the photo as faces of this size take."""
    doublings = max(math.ceil(math.log2(_FRONTAL / min_face)), 0)
    return DlibDetector(doublings, max_side=_MOST_PIXELS)


def make_method(options: Options) -> FaceMethod:
    """What is put in the place of a face."""
    mode = options.chosen_mode
    if mode != "anonygan":
        if options.mode is None:
            print("no --checkpoint: faces are pixelated", flush=True)
        return ObscuredFaces(mode)
    assert options.checkpoint is not None
    if options.checkpoint.suffix == ".onnx":
        return GeneratedFaces(OnnxAnonyGAN(options.checkpoint), size=options.size)
    device = torch_device(options.device)
    model = AnonyGAN.from_pretrained(newest_weights(options.checkpoint)).to(device)
    return GeneratedFaces(model.fuse(), size=options.size)


def _conditions(options: Options, detector: FindFaces, method: FaceMethod) -> list[Condition]:
    if options.condition == "random":
        return drawn_conditions(size=method.size, seed=options.seed)
    path = Path(options.condition)
    if not path.exists():
        raise ValueError(f"expected --condition FILE, DIR or random, got {options.condition}")
    return photo_conditions(path, detector, size=method.size)


def _selection(options: Options, detector: FindFaces, embedder: Embedder) -> Selection:
    people, boxes = [], []
    for text in options.keep:
        if (box := _box(text)) is not None:
            boxes.append(box)
        else:
            people.append(_descriptor(Path(text), detector, embedder))
    only = []
    for text in options.only:
        if (box := _box(text)) is None:
            raise ValueError(f"expected --only left,top,right,bottom, got {text}")
        only.append(box)
    return Selection(people=tuple(people), keep=tuple(boxes), only=tuple(only))


def _box(text: str) -> Box | None:
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        return None
    return left, top, right, bottom


def _descriptor(path: Path, detector: FindFaces, embedder: Embedder) -> torch.Tensor:
    if not path.is_file():
        raise ValueError(f"expected --keep FILE or left,top,right,bottom, got {path}")
    image = read_image(path)
    faces = detector(image)
    if len(faces) != 1:
        raise ValueError(f"{path}: expected a photo of one face to keep, found {len(faces)}")
    return embedder(image, faces[0].landmarks)


def _about(options: Options, anonymizer: Anonymizer) -> dict[str, Any]:
    """What holds for all files, without any path: reports are shown to others."""
    order = anonymizer.order
    return {
        "mode": options.chosen_mode,
        "chosen": "by default" if options.mode is None else "by --mode",
        "fallback": options.fallback,
        "conditions": [condition.name for condition in order.conditions],
        "kept people": len(anonymizer.selection.people),
        "keep": [list(box) for box in anonymizer.selection.keep],
        "only": [list(box) for box in anonymizer.selection.only],
        "threshold": anonymizer.threshold,
        "tries": options.tries,
        "search": options.search,
        "min_face": options.min_face,
        "copy_unmatched": options.copy_unmatched,
        "audio": options.audio,
        "seed": options.seed,
    }


def _say(options: Options, files: dict[str, FileReport], path: Path) -> None:
    counts = {key: count for key, count in count_statuses(list(files.values())).items() if count}
    summary = ", ".join(f"{count} {key}" for key, count in counts.items())
    for file in files.values():
        if file.status == "no face":
            print(f"no face found, not copied: {file.name}")
    if any("voice" in note for file in files.values() for note in file.notes):
        print("the sound of videos was kept: a voice identifies (--audio drop)")
    print(f"{summary}; report in {path}", flush=True)


def _status(files: list[FileReport]) -> int:
    if any(file.status == "failed" for file in files):
        return 1
    return NO_FACE if any(file.status == "no face" for file in files) else 0


if __name__ == "__main__":
    main()
