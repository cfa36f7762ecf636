"""Photos with every face replaced, and each result looked at before it is let go.

A face that is found never comes back as it was. The chosen method is tried with one condition
after the other; then the fallback covers the face, and at last one flat color. The next of these
is taken when a face cannot be aligned or generated, when the new face does not cover all of the old
one, or when a recognizer still takes it for the same person. Nobody is shown in the place of a face
that is too small for it. The recognizer is not asked about methods that show nobody, nor about
faces below 32 pixels: it would judge the hair and what is around, and it takes even a flat color
for the same person at times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize._replacement import (
    Replacement,
    is_recognizable,
    make_faces,
    paste_replacements,
)
from graphgan.anonymize.conditions import Condition, Look
from graphgan.anonymize.faces import (
    KEPT,
    NOT_THERE,
    OVERLOOKED,
    Face,
    Problem,
    Reason,
    Result,
    Stage,
    Task,
    as_box,
    is_overlooked,
    without_faces,
)
from graphgan.anonymize.matching import DEFAULT_MATCH, ConditionOrder, Match
from graphgan.anonymize.methods import (
    DEFAULT_SIZE,
    FaceMethod,
    GeneratedFaces,
    ObscuredFaces,
    Obscuring,
    shows_nobody,
)
from graphgan.anonymize.selection import Selection
from graphgan.faces import DlibResNetRecognizer, FaceDetector, FaceFinder, Recognizer
from graphgan.landmarks.detection import Detection, FindFaces
from graphgan.models.anonygan import AnonyGAN
from graphgan.models.onnx_generator import OnnxAnonyGAN

_MARGIN = 1.1


class Anonymizer:
    """Replace the faces of photos.

    Args:
        method: a trained network, any `FaceMethod`, or one of "blur", "pixelate" and "solid".
        detector: gives a photo's faces with 68 landmarks each, `FaceFinder` by default.
        conditions: people to be shown; needed by networks.
        second_detector: looks at the finished photo: a face that it finds where nothing was
            replaced is covered too, and its remarks say so; None leaves this check out.
        fallback: covers the faces that the method cannot hide.
        recognizer: a new face that it takes for the same person is tried again. "default" is
            `DlibResNetRecognizer`; None leaves this check out.
        threshold: distance of a new face to the old one up to which it is tried again; by default
            1.1 times that up to which the recognizer takes two faces for one person, since others
            may hold images in which the person looks more like the result.
        tries: with how many conditions a face is tried.
        match: by what the conditions for a face are chosen, see `ConditionOrder`.
        selection: faces to keep.
        size: height and width of the crops that a given network was trained on, where it does not
            say so itself.
        seed: chooses the conditions.
    Raises:
        ValueError: a method that shows people and no conditions; an unknown fallback; less than one
            try; a recognizer without a threshold; people to keep and no recognizer.

    Example:
        >>> photo = torch.randint(256, (3, 60, 80), dtype=torch.uint8)
        >>> from graphgan.landmarks.detection import Detection
        >>> face = Detection(torch.tensor([20.0, 10, 60, 50]), torch.full((68, 2), torch.nan))
        >>> anonymizer = Anonymizer("pixelate", lambda image: [face], recognizer=None)
        >>> [found.method for found in anonymizer(photo).faces]
        ['pixelate']
    """

    def __init__(
        self,
        method: AnonyGAN | OnnxAnonyGAN | FaceMethod | Obscuring,
        detector: FindFaces | None = None,
        conditions: Sequence[Condition] = (),
        *,
        second_detector: FaceDetector | None = None,
        fallback: Obscuring = "pixelate",
        recognizer: Recognizer | Literal["default"] | None = "default",
        threshold: float | None = None,
        tries: int = 3,
        match: Match = DEFAULT_MATCH,
        selection: Selection | None = None,
        size: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> None:
        self.method = _method(method, size)
        self.fallback = ObscuredFaces(fallback)
        self.last = ObscuredFaces("solid")
        self.detector = FaceFinder() if detector is None else detector
        self.second_detector = second_detector
        self.recognizer = DlibResNetRecognizer() if isinstance(recognizer, str) else recognizer
        self.threshold = _threshold(self.recognizer, threshold)
        if not getattr(self.method, "doublings", 0):  # it takes no other size
            conditions = [condition.resized(self.method.size) for condition in conditions]
        self.order = ConditionOrder(conditions, seed=seed, match=match)
        self.selection = Selection() if selection is None else selection
        self.tries = tries
        if tries < 1:
            raise ValueError(f"expected at least one try, got {tries}")
        if self.method.uses_conditions:
            self._check_conditions()
        if self.selection.people and self.recognizer is None:
            raise ValueError("expected a recognizer, since people to keep are told by it, got None")

    def __call__(
        self,
        image: UInt8[Tensor, "3 h w"],
        *,
        detections: Sequence[Detection] | None = None,
        key: str = "",
    ) -> Result:
        """The photo with all its faces replaced but those that the selection keeps.

        Args:
            image: the photo.
            detections: its faces where they are known: the detector is then not asked.
            key: of the photo, such as its name: the conditions are drawn by it.
        """
        found = list(self.detector(image) if detections is None else detections)
        kept, before = self._selected(image, found)
        unmatched = self.selection.unmatched(_boxes(found))
        nowhere = range(len(found), len(found) + len(unmatched))
        for box in unmatched:
            found.append(Detection(torch.tensor(box), torch.full((68, 2), torch.nan)))
            kept.append(False)
            before.append(None)
        chosen = [i for i, stays in enumerate(kept) if not stays]
        looks = self.looks(image, [found[i].landmarks for i in chosen])
        tasks = [
            Task(found[i], self.stages(f"{key}#{i}", look), before[i])
            for i, look in zip(chosen, looks, strict=True)
        ]
        result = self.replace(image, tasks)
        faces = [Face(as_box(face.box), KEPT) for face in found]
        for i, face in zip(chosen, result.faces, strict=True):
            remarks = (NOT_THERE, *face.remarks) if i in nowhere else face.remarks
            faces[i] = face._replace(remarks=remarks)
        return self._without_overlooked(Result(result.image, result.changed, faces))

    def _without_overlooked(self, result: Result) -> Result:
        """The result with those faces covered that were not found before."""
        if self.second_detector is None or self.selection.only:
            return result
        known = torch.tensor([face.box for face in result.faces]).view(-1, 4)
        nowhere = torch.full((68, 2), torch.nan)
        left = [
            Task(Detection(box, nowhere), self.covers())
            for box in self.second_detector(without_faces(result)).boxes
            if is_overlooked(box, known, result.changed)
        ]
        if not left:
            return result
        more = self.replace(result.image, left, check=False)
        faces = [self._as_overlooked(face) for face in more.faces]
        return Result(more.image, result.changed | more.changed, [*result.faces, *faces])

    def _as_overlooked(self, face: Face) -> Face:
        instead = face.method != self.method.name
        reason: Reason | None = "found only at the second look" if instead else None
        return face._replace(remarks=(OVERLOOKED, *face.remarks), reason=reason)

    def looks(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Look | None]:
        """What faces look like, as far as it decides who is shown in their place."""
        if not self.method.uses_conditions:
            return [None] * len(landmarks)
        return self.order.looks(image, landmarks)

    def eye_states(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Float[Tensor, "6"] | None]:
        """What the method follows of the faces' eyes, see `FaceMethod`; None if it follows none."""
        measure = getattr(self.method, "eye_states", None)
        if measure is None or not landmarks:
            return [None] * len(landmarks)
        return list(measure(image, torch.stack(list(landmarks))))

    def stages(self, key: str, look: Look | None = None) -> Iterator[Stage]:
        """What is tried for the face of this key; without an end, the last again and again."""
        if self.method.uses_conditions:
            people = self.order.of(key, look)
            for _, condition in zip(range(self.tries), people, strict=False):
                yield Stage(self.method, condition)
        elif self.method.name != self.fallback.name:
            yield Stage(self.method)
        yield from self.covers()

    def covers(self) -> Iterator[Stage]:
        """What is tried for a face that the method cannot hide."""
        yield Stage(self.fallback)
        while True:
            yield Stage(self.last)

    def replace(
        self, image: UInt8[Tensor, "3 h w"], tasks: Sequence[Task], *, check: bool = True
    ) -> Result:
        """The photo with these faces replaced, each by the first of its stages that hides it.

        Args:
            image: the photo.
            tasks: all of its faces that are to be replaced.
            check: whether the recognizer is asked, too.
        """
        items = [self._begin(task) for task in tasks]
        if check:
            self._describe_before(image, items)
        result, changed = image.clone(), torch.zeros_like(image[:1], dtype=torch.bool)
        waiting = items
        while waiting:
            make_faces(image, waiting)
            result, more = paste_replacements(result, waiting)
            changed |= more
            waiting = self._not_accepted(result, waiting, check)
            for item in waiting:
                item.stage, item.distance = next(item.task.stages), None
        return Result(result, changed, [self._as_face(item) for item in items])

    def _as_face(self, item: Replacement) -> Face:
        face = item.as_face()
        return face._replace(reason=None) if face.method == self.method.name else face

    def _selected(
        self, image: Tensor, found: Sequence[Detection]
    ) -> tuple[list[bool], list[Tensor | None]]:
        before: list[Tensor | None] = [None] * len(found)
        if self.selection.people:
            before = self.describe(image, [face.landmarks for face in found])
        return self.selection.kept(_boxes(found), before), before

    @property
    def tells_people(self) -> bool:
        """Whether it matters who is who: somebody is shown, or kept."""
        return not shows_nobody(self.method) or bool(self.selection.people)

    def describe(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Float[Tensor, "d"] | None]:
        """What the recognizer says of faces.

        None without a recognizer, and for a face that has no landmarks or is too small to be told:
        such a face is not kept for anybody.
        """
        told: list[Tensor | None] = [None] * len(landmarks)
        asked = [i for i, points in enumerate(landmarks) if is_recognizable(points)]
        if self.recognizer is None or not asked:
            return told
        descriptors = self.recognizer(image, torch.stack([landmarks[i] for i in asked]))
        for i, descriptor in zip(asked, descriptors, strict=True):
            told[i] = descriptor if descriptor.isfinite().all() else None
        return told

    def _begin(self, task: Task) -> Replacement:
        item = Replacement.begin(task)
        if (problem := item.unfit()) is not None:
            item = replace(item, task=task._replace(stages=self.covers()))
            item.stage = next(item.task.stages)
            item.reason = problem.reason
            item.remarks.append(problem.remark)
        return item

    def _describe_before(self, image: Tensor, items: Sequence[Replacement]) -> None:
        unknown = [item for item in items if item.is_checked and item.before is None]
        found = self.describe(image, [item.task.found.landmarks for item in unknown])
        for item, descriptor in zip(unknown, found, strict=True):
            item.before = descriptor

    def _not_accepted(
        self, result: Tensor, items: Sequence[Replacement], check: bool
    ) -> list[Replacement]:
        """Which of the faces are to be tried again, with a remark of why."""
        problems = [item.uncovered() for item in items]
        if check:
            covered = [i for i, problem in enumerate(problems) if problem is None]
            told = self._recognized(result, [items[i] for i in covered])
            for i, problem in zip(covered, told, strict=True):
                problems[i] = problem
        again = []
        for item, problem in zip(items, problems, strict=True):
            if problem is not None:
                item.remarks.append(f"{item.stage}: {problem.remark}")
                if item.stage.method is self.method:
                    item.reason = problem.reason
                if item.stage.method is not self.last:
                    again.append(item)
                elif item.problem is None:  # at last all of its box and what is around
                    item.give_up_landmarks(problem.remark)
                    again.append(item)
        return again

    def _recognized(self, result: Tensor, items: Sequence[Replacement]) -> list[Problem | None]:
        """Why each face may not stay: it is taken for the same person."""
        problems: list[Problem | None] = [None] * len(items)
        if self.threshold is None:
            return problems
        asked = [i for i, item in enumerate(items) if item.is_checked and item.before is not None]
        found = self.describe(result, [items[i].task.found.landmarks for i in asked])
        for i, after in zip(asked, found, strict=True):
            before = items[i].before
            if after is None or before is None:
                continue
            distance = items[i].distance = float((after - before).norm())
            if distance <= self.threshold:
                remark = f"still recognized, at a distance of {distance:.2f}"
                problems[i] = Problem("still recognized", remark)
        return problems

    def _check_conditions(self) -> None:
        if not len(self.order):
            name = self.method.name
            raise ValueError(f"expected conditions for {name!r}, which shows people, got none")


def _method(
    method: AnonyGAN | OnnxAnonyGAN | FaceMethod | Obscuring, size: tuple[int, int] | None
) -> FaceMethod:
    if isinstance(method, AnonyGAN | OnnxAnonyGAN):
        return GeneratedFaces(method, size=size)
    return ObscuredFaces(method, size=size or DEFAULT_SIZE) if isinstance(method, str) else method


def _threshold(recognizer: Recognizer | None, threshold: float | None) -> float | None:
    if recognizer is None:
        return None
    if threshold is None and recognizer.threshold is not None:
        threshold = round(recognizer.threshold * _MARGIN, 6)  # it is shown to people
    if threshold is None or not threshold > 0:
        raise ValueError(f"expected a threshold above 0 for {recognizer.name}, got {threshold}")
    return threshold


def _boxes(found: Sequence[Detection]) -> Float[Tensor, "n 4"]:
    return torch.stack([face.box for face in found]) if found else torch.zeros(0, 4)
