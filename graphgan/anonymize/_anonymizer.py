"""Replace every face of a photo, and check each result before it is accepted.

A detected face is never returned unchanged. The method tries one condition after another; then the
fallback covers the face, and as a last resort one flat color. The anonymizer moves on to the next
attempt when a face cannot be aligned or generated, when the new face does not fully cover the old
one, or when a recognizer still recognizes the person. A face that is too small is covered at once.
The recognizer does not check methods that show nobody, or faces below 32 pixels: there it would
judge hair and background, and sometimes recognizes even a flat color.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan.anonymize._conditions import Condition, Look
from graphgan.anonymize._faces import (
    KEPT,
    NOT_THERE,
    OVERLOOKED,
    Attempt,
    Face,
    Problem,
    Reason,
    ReplacementTask,
    Result,
    as_box,
    is_overlooked,
    without_faces,
)
from graphgan.anonymize._matching import ConditionOrder, Match
from graphgan.anonymize._methods import (
    FaceMethod,
    GeneratedFaces,
    ObscuredFaces,
    Obscuring,
    shows_nobody,
)
from graphgan.anonymize._replacement import (
    Replacement,
    is_recognizable,
    make_faces,
    paste_replacements,
)
from graphgan.anonymize._selection import Selection
from graphgan.data import to_uint8_image
from graphgan.faces import DlibResNetRecognizer, FaceDetector, FaceFinder, Recognizer
from graphgan.landmarks import Detection, FindFaces
from graphgan.models import AnonyGAN, OnnxAnonyGAN

_MARGIN = 1.1
# A person closer than this to a face, in thresholds, resembles it. Of 360 results, 65 % of the
# rejected ones showed such a person, and 11 % of the others.
_NEAR = 1.14
_BY_CHANCE = 2  # attempts; the next ones show people of the farther half
_DESCRIBED_SIZE = (128, 128)


class Anonymizer:
    """Replace the faces of photos.

    Args:
        method: a trained network, any `FaceMethod`, or one of "blur", "pixelate" and "solid".
        detector: finds faces with 68 landmarks each, `FaceFinder` by default.
        conditions: the people to show; networks need them.
        second_detector: searches the finished photo. A face that it finds where nothing was
            replaced is covered too, and its remarks say so. None skips this check.
        fallback: covers the faces that the method cannot hide.
        recognizer: a new face in which it recognizes the same person is tried again. "default" is
            `DlibResNetRecognizer`; None skips this check.
        threshold: a new face is tried again up to this descriptor distance from the old one. The
            default is 1.1 times the recognizer's own threshold, since others may hold images in
            which the person looks more like the result.
        tries: how many conditions to try for a face.
        match: how the conditions for a face are chosen, see `ConditionOrder` and `attempts`.
        selection: faces to keep.
        seed: chooses the conditions.
    Raises:
        ValueError: no conditions for a method that shows people; an unknown fallback; less than
            one try; a recognizer without a threshold; people to keep without a recognizer.

    Example:
        >>> photo = torch.randint(256, (3, 60, 80), dtype=torch.uint8)
        >>> from graphgan.landmarks import Detection
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
        tries: int = 4,
        match: Match = "tone",
        selection: Selection | None = None,
        seed: int = 0,
    ) -> None:
        self.method = _method(method)
        self.fallback = ObscuredFaces(fallback)
        self.last = ObscuredFaces("solid")
        self.detector = FaceFinder() if detector is None else detector
        self.second_detector = second_detector
        self.recognizer = DlibResNetRecognizer() if isinstance(recognizer, str) else recognizer
        self.threshold = _threshold(self.recognizer, threshold)
        if not getattr(self.method, "doublings", 0):  # it takes no other size
            conditions = [condition.resized(self.method.size) for condition in conditions]
        self.order = ConditionOrder(conditions, seed=seed, match=match)
        self._described: dict[str, Tensor | None] = {}
        self.selection = Selection() if selection is None else selection
        self.tries = tries
        if tries < 1:
            raise ValueError(f"expected at least one try, got {tries}")
        if self.method.uses_conditions and not len(self.order):
            name = self.method.name
            raise ValueError(f"expected people to show (conditions) for {name!r}, got none")
        if self.selection.people and self.recognizer is None:
            raise ValueError("expected a recognizer to find the people to keep, got None")

    def __call__(
        self,
        image: UInt8[Tensor, "3 h w"],
        *,
        detections: Sequence[Detection] | None = None,
        key: str = "",
    ) -> Result:
        """Replace all faces of a photo except those that the selection keeps.

        Args:
            image: the photo.
            detections: its faces, if they are known; the detector is then not used.
            key: names the photo; the conditions depend on it.
        """
        found = list(self.detector(image) if detections is None else detections)
        before: list[Tensor | None] = [None] * len(found)
        if self.selection.people:
            before = self.describe(image, [face.landmarks for face in found])
        kept = self.selection.kept(_boxes(found), before)
        unmatched = self.selection.unmatched(_boxes(found))
        nowhere = range(len(found), len(found) + len(unmatched))
        for box in unmatched:
            found.append(Detection(torch.tensor(box), torch.full((68, 2), torch.nan)))
            kept.append(False)
            before.append(None)
        chosen = [i for i, stays in enumerate(kept) if not stays]
        looks = self.looks(image, [found[i].landmarks for i in chosen])
        if self.tells_people and not self.selection.people:
            told = self.describe(image, [found[i].landmarks for i in chosen])
            for i, descriptor in zip(chosen, told, strict=True):
                before[i] = descriptor
        tasks = [
            ReplacementTask(found[i], self.attempts(f"{key}#{i}", look, before[i]), before[i])
            for i, look in zip(chosen, looks, strict=True)
        ]
        result = self.replace(image, tasks)
        faces = [Face(as_box(face.box), KEPT) for face in found]
        for i, face in zip(chosen, result.faces, strict=True):
            remarks = (NOT_THERE, *face.remarks) if i in nowhere else face.remarks
            faces[i] = face._replace(remarks=remarks)
        done = Result(result.image, result.changed, faces)
        return self._without_overlooked(done, image, found)

    def _without_overlooked(
        self, result: Result, image: UInt8[Tensor, "3 h w"], found: Sequence[Detection]
    ) -> Result:
        """Cover the faces that only the second detector finds.

        Beside a large face, which is painted white for it, it may take a chest for a face: such a
        box is left out if the detector can tell, see `FaceFinder.vanishing`.
        """
        if self.second_detector is None or self.selection.only:
            return result
        known = torch.tensor([face.box for face in result.faces]).view(-1, 4)
        nowhere = torch.full((68, 2), torch.nan)
        boxes = self.second_detector(without_faces(result)).boxes.view(-1, 4)
        overlooked = [is_overlooked(box, known, result.changed) for box in boxes]
        boxes = boxes[torch.tensor(overlooked, dtype=torch.bool)]
        if len(boxes) and isinstance(self.detector, FaceFinder):
            sure = _boxes([face for face in found if face.landmarks.isfinite().all()])
            boxes = boxes[~self.detector.vanishing(image, boxes, sure)]
        left = [ReplacementTask(Detection(box, nowhere), self.fallbacks()) for box in boxes]
        if not left:
            return result
        more = self.replace(result.image, left, check=False)
        faces = []
        for face in more.faces:
            instead = face.method != self.method.name
            reason: Reason | None = "found only at the second look" if instead else None
            faces.append(face._replace(remarks=(OVERLOOKED, *face.remarks), reason=reason))
        return Result(more.image, result.changed | more.changed, [*result.faces, *faces])

    def looks(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Look | None]:
        """The look of each face, if it decides who is shown; else None."""
        if not self.method.uses_conditions:
            return [None] * len(landmarks)
        return self.order.looks(image, landmarks)

    def eye_states(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Float[Tensor, "6"] | None]:
        """Eye states that the method follows, see `FaceMethod`; None if it follows none."""
        measure = getattr(self.method, "eye_states", None)
        if measure is None or not landmarks:
            return [None] * len(landmarks)
        return list(measure(image, torch.stack(list(landmarks))))

    def attempts(
        self,
        key: str,
        look: Look | None = None,
        before: Float[Tensor, "d"] | None = None,
        *,
        tries: int | None = None,
    ) -> Iterator[Attempt]:
        """The attempts for the face of this key. They never end: the last one is repeated.

        Args:
            key: names the face.
            look: of the face, if it counts.
            before: its descriptor, if it is known. Among people who fit the face alike, those who
                resemble it come last, since most of these results are rejected.
            tries: how many people; by default as many as for a photo.
        """
        if self.method.uses_conditions:
            groups = self.order.groups(key, look)
            people = chain.from_iterable(self._nearest_last(group, before) for group in groups)
            for condition in islice(people, self.tries if tries is None else tries):
                yield Attempt(self.method, condition)
        elif self.method.name != self.fallback.name:
            yield Attempt(self.method)
        yield from self.fallbacks()

    def _nearest_last(
        self, group: list[Condition], before: Float[Tensor, "d"] | None
    ) -> list[Condition]:
        """Two by chance who do not resemble the face, then the farther half, then the others.

        Chance decides within each: always showing the farthest would give the person away.
        """
        if before is None or self.threshold is None:
            return group
        apart = {one.name: self._distance(one, before) for one in group}
        near = _NEAR * self.threshold
        group = sorted(group, key=lambda one: apart[one.name] <= near)
        first, rest = group[:_BY_CHANCE], group[_BY_CHANCE:]
        middle = sorted(apart[one.name] for one in rest)[len(rest) // 2] if rest else 0.0
        return [*first, *sorted(rest, key=lambda one: apart[one.name] < middle)]

    def _distance(self, condition: Condition, before: Float[Tensor, "d"]) -> float:
        """From the descriptor of a person to that of a face; infinite if it is unknown."""
        if condition.name not in self._described:
            self._described[condition.name] = self._description(condition)
        own = self._described[condition.name]
        return math.inf if own is None else float((own - before).norm())

    def _description(self, condition: Condition) -> Float[Tensor, "d"] | None:
        if condition.descriptor is not None and isinstance(self.recognizer, DlibResNetRecognizer):
            return condition.descriptor
        shown = condition.resized(_DESCRIBED_SIZE)
        return self.describe(to_uint8_image(shown.image), [shown.landmarks])[0]

    def fallbacks(self) -> Iterator[Attempt]:
        """The attempts for a face that the method cannot hide."""
        yield Attempt(self.fallback)
        while True:
            yield Attempt(self.last)

    def replace(
        self, image: UInt8[Tensor, "3 h w"], tasks: Sequence[ReplacementTask], *, check: bool = True
    ) -> Result:
        """Replace these faces, each by the first of its attempts that hides it.

        ``check`` lets the recognizer check the results.
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
                item.attempt, item.distance = next(item.task.attempts), None
        faces = [item.as_face() for item in items]
        own = self.method.name  # what was shown in the end needs no reason
        faces = [f._replace(reason=None) if f.method == own else f for f in faces]
        return Result(result, changed, faces)

    @property
    def tells_people(self) -> bool:
        """Whether identities matter, because somebody is shown or kept."""
        return not shows_nobody(self.method) or bool(self.selection.people)

    def describe(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Sequence[Float[Tensor, "68 2"]]
    ) -> list[Float[Tensor, "d"] | None]:
        """Descriptors of faces.

        None without a recognizer, and for a face without landmarks or too small to recognize: such
        a face is never kept.
        """
        told: list[Tensor | None] = [None] * len(landmarks)
        asked = [i for i, points in enumerate(landmarks) if is_recognizable(points)]
        if self.recognizer is None or not asked:
            return told
        descriptors = self.recognizer(image, torch.stack([landmarks[i] for i in asked]))
        for i, descriptor in zip(asked, descriptors, strict=True):
            told[i] = descriptor if descriptor.isfinite().all() else None
        return told

    def _begin(self, task: ReplacementTask) -> Replacement:
        item = Replacement.begin(task)
        if (problem := item.unfit()) is not None:
            item = replace(item, task=task._replace(attempts=self.fallbacks()))
            item.attempt = next(item.task.attempts)
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
        """The faces to try again; each gets a remark that says why."""
        problems = [item.uncovered() for item in items]
        if check:
            covered = [i for i, problem in enumerate(problems) if problem is None]
            told = self._recognized(result, [items[i] for i in covered])
            for i, problem in zip(covered, told, strict=True):
                problems[i] = problem
        again = []
        for item, problem in zip(items, problems, strict=True):
            if problem is not None:
                item.remarks.append(f"{item.attempt}: {problem.remark}")
                if item.attempt.method is self.method:
                    item.reason = problem.reason
                if item.attempt.method is not self.last:
                    again.append(item)
                elif item.problem is None:  # at last all of its box and what is around
                    item.give_up_landmarks(problem.remark)
                    again.append(item)
        return again

    def _recognized(self, result: Tensor, items: Sequence[Replacement]) -> list[Problem | None]:
        """The problem of each face in which the recognizer still recognizes the person."""
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


def _method(method: AnonyGAN | OnnxAnonyGAN | FaceMethod | Obscuring) -> FaceMethod:
    if isinstance(method, AnonyGAN | OnnxAnonyGAN):
        return GeneratedFaces(method)
    return ObscuredFaces(method) if isinstance(method, str) else method


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
