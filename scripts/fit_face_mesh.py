"""Learn how iBUG's 68 landmarks follow from MediaPipe's face mesh.

    python scripts/fit_face_mesh.py ../shared/faces

For each landmark that vertex is taken which is nearest to it on average; what is left is predicted
from the principal components of the mesh by ridge regression. Components and ridge are chosen on
the last fifth of the training people; the error on the test people is printed, by pose.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import tyro
from jaxtyping import Bool, Float
from safetensors.torch import save
from torch import Tensor

from graphgan.commands import run_command
from graphgan.data import read_image, read_landmarks
from graphgan.faces import CenterFace, FaceDetector, FaceMesh, Faces
from graphgan.faces._face_mesh import CORRECTION, Frame, _Correction
from graphgan.files import replacing
from graphgan.metrics import landmark_error, yaw
from graphgan.weights import weights_file

COMPONENTS, RIDGES = (15, 25, 40, 60, 80), (3.0, 30.0, 300.0, 3000.0)
GROUPS = {
    "frontal (yaw below 0.25)": (0.0, 0.25),
    "half (to 0.5)": (0.25, 0.5),
    "profile": (0.5, 9),
}


@dataclass(frozen=True)
class Options:
    """Write graphgan/weights/face-mesh-ibug68.safetensors."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Faces: landmarks.csv and images/<person>/<name>.jpg."""
    people: tuple[int, int] = (0, 269)
    """The first and the last number of those to learn from; the others are for testing."""
    dry_run: bool = False
    """Measure the file that is there, and write none."""


@dataclass(frozen=True)
class Sample:
    """Faces with their meshes.

    Shapes:
        ``vertices: n 468 3``, ``landmarks: n 68 2``, ``people: n``
    """

    vertices: Tensor
    landmarks: Tensor
    people: Tensor

    def at(self, where: Tensor) -> "Sample":
        return Sample(*(values[where] for values in vars(self).values()))


def main(options: Options) -> None:
    sample = look(options.folder)
    first, last = options.people
    training = (sample.people >= first) & (sample.people <= last)
    test = sample.at(~training)
    if options.dry_run:
        report("test people", FaceMesh()._correction(test.vertices), test.landmarks)
        return
    components, ridge = choose(sample.at(training), first + (last - first + 1) * 4 // 5)
    correction = fit(sample.at(training), components, ridge)
    with replacing(weights_file(CORRECTION)) as temporary:
        temporary.write_bytes(save(correction._asdict()))
    report("test people", correction(test.vertices), test.landmarks)


def choose(sample: Sample, held_back: int) -> tuple[int, float]:
    """Components and ridge that fit people from ``held_back`` on best."""
    some, others = sample.at(sample.people < held_back), sample.at(sample.people >= held_back)
    scored = [
        (error_of(fit(some, k, ridge)(others.vertices), others.landmarks), k, ridge)
        for k in COMPONENTS
        for ridge in RIDGES
    ]
    error, components, ridge = min(scored)
    print(f"{components} components, ridge {ridge}: {error:.4f} on held-back training people")
    return components, ridge


def look(folder: Path) -> Sample:
    """The mesh of every annotated face that the detector finds."""
    detector, landmarker = CenterFace(), FaceMesh()
    rows, missed = [], 0
    for row in read_landmarks(folder / "landmarks.csv"):
        image, points = read_image(folder / "images" / row.image), row.landmarks.float()
        face = face_at(detector, image, points)
        if face is None:
            missed += 1
            continue
        mesh = landmarker.mesh(image, face)
        rows.append((mesh.vertices[0], points, int(Path(row.image).parts[0])))
    print(f"{len(rows)} faces, {missed} not found")
    vertices, landmarks, people = zip(*rows, strict=True)
    return Sample(torch.stack(vertices), torch.stack(landmarks), torch.tensor(people))


def face_at(
    detector: FaceDetector, image: Tensor, landmarks: Float[Tensor, "68 2"]
) -> Faces | None:
    """The surest face whose box holds the middle of these landmarks."""
    faces = detector(image)
    middle = landmarks.mean(0)
    inside: Bool[Tensor, n] = ((faces.boxes[:, :2] <= middle) & (middle <= faces.boxes[:, 2:])).all(
        1
    )
    found = inside.nonzero().flatten()
    return faces.at(found[:1]) if len(found) else None


def fit(sample: Sample, components: int, ridge: float) -> _Correction:
    frame = Frame.of(sample.vertices)
    mesh, landmarks = frame.inside(sample.vertices), frame.inside(sample.landmarks)
    distances = torch.stack(
        [(mesh[..., :2] - point[:, None]).norm(dim=-1).mean(0) for point in landmarks.unbind(1)]
    )
    index = distances.argmin(1)
    flat = mesh.flatten(1)
    mean = flat.mean(0)
    _, scales, directions = torch.linalg.svd(flat - mean, full_matrices=False)
    deviations = scales[:components] / len(flat) ** 0.5
    basis = directions[:components] / deviations[:, None]
    numbers = torch.cat([(flat - mean) @ basis.T, torch.ones(len(flat), 1)], 1)
    left = (landmarks - mesh[:, index, :2]).flatten(1)
    normal = numbers.T @ numbers + ridge * torch.eye(components + 1)
    weights = torch.linalg.solve(normal, numbers.T @ left)
    return _Correction(index, mean, basis.contiguous(), weights.contiguous())


def error_of(found: Float[Tensor, "n 68 2"], truth: Float[Tensor, "n 68 2"]) -> float:
    return float(landmark_error(found, truth).nanmean())


def report(name: str, found: Float[Tensor, "n 68 2"], truth: Float[Tensor, "n 68 2"]) -> None:
    print(f"| {name} | faces | error, of the eye distance |\n|---|---|---|")
    print(f"| all | {len(truth)} | {error_of(found, truth):.4f} |")
    turned = yaw(truth).abs()
    for group, (low, high) in GROUPS.items():
        chosen = (turned >= low) & (turned < high)
        print(f"| {group} | {int(chosen.sum())} | {error_of(found[chosen], truth[chosen]):.4f} |")


if __name__ == "__main__":
    run_command(main, Options)
