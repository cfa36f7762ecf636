"""Does a result keep the source's pose and expression? Asked of a landmark detector."""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import interpolate

from graphgan.anonymize import anonymize_crops
from graphgan.data.batches import read_pairs, to_batch, to_uint8_image
from graphgan.data.faces import FaceDataset
from graphgan.data.pairs import next_person_pairs, some_pairs
from graphgan.extras import MissingExtraError
from graphgan.landmarks.detection import DlibDetector, LandmarkDetector
from graphgan.metrics.pose import mouth_opening, yaw
from graphgan.models import AnonyGAN

DETECTION_SIZE = 256  # dlib's detector finds faces from 80 pixels; a crop is twice its face


def measure_pose(model: AnonyGAN, faces: FaceDataset, *, num_pairs: int = 200) -> str:
    """Correlations of yaw and mouth opening of results with those of their sources, as text."""
    try:
        detector = DlibDetector(upsample=0)
    except MissingExtraError as error:
        return f"pose not measured: {error}"
    if len(set(faces.persons)) < 2:
        return "pose not measured: it takes test faces of two people or more"
    pairs = some_pairs(next_person_pairs(faces.persons), num_pairs)
    batch = to_batch(read_pairs(faces, pairs), next(model.parameters()).device)
    chunks = zip(*(column.split(32) for column in batch[:5]), strict=True)
    results = torch.cat(
        [anonymize_crops(model, s, ls, c, lc, masks=m) for c, s, lc, ls, m in chunks]
    )
    found = [_detect(detector, image) for image in results]
    detected = [i for i, landmarks in enumerate(found) if landmarks is not None]
    lines = [f"dlib finds a face in {len(detected)} of {len(found)} results"]
    if len(detected) < 3:
        return f"{lines[0]}: too few for correlations"
    ours = torch.stack([landmarks for landmarks in found if landmarks is not None])
    given = batch.source_landmarks[detected].cpu() * (DETECTION_SIZE / results.shape[-1])
    for name, measure in (("yaw", yaw), ("mouth opening", mouth_opening)):
        both = torch.stack([measure(ours), measure(given)])
        both = both[:, both.isfinite().all(0)]  # sources may lack a landmark
        value = float(torch.corrcoef(both)[0, 1])
        lines.append(f"correlation of {name} with the source's: {value:.3f}")
    return "\n".join(lines)


def _detect(detector: LandmarkDetector, image: Tensor) -> Tensor | None:
    """Landmarks of the surest face, in pixels of the enlarged picture."""
    enlarged = interpolate(image[None], size=2 * (DETECTION_SIZE,), mode="bicubic", antialias=True)
    found = detector(to_uint8_image(rearrange(enlarged, "1 c h w -> c h w")).cpu())
    return found[0].landmarks if found else None
