"""Columns of BiGraphGAN's sample sheets."""

import torch
from jaxtyping import Float
from results import pose
from torch import Tensor

from graphgan.data import PersonBatch, draw_skeleton, to_float_image
from graphgan.landmarks import OPENPOSE_18
from graphgan.models import BiGraphGAN


def sheet_columns(model: BiGraphGAN, batch: PersonBatch) -> dict[str, Tensor]:
    """Input, output and target of a batch; the model must be in eval mode."""
    output = pose(model, batch)
    columns = {
        "image": batch.image,
        "pose": draw_poses(batch),
    }
    if model.bend:
        columns["bent"] = model.seen(batch.image, batch.joints, batch.target_joints)
    columns |= {"target": batch.target, "generated": output.image}
    if output.attention is None:
        return columns
    maps = {f"map {i + 1}": one for i, one in enumerate(output.attention.split(1, dim=1))}
    return (
        columns | {"unblended": output.intermediate} | {n: m.clamp(0, 1) for n, m in maps.items()}
    )


def draw_poses(batch: PersonBatch) -> Float[Tensor, "b 3 h w"]:
    """The target skeletons on gray."""
    gray = torch.full_like(batch.target[0].cpu(), 128, dtype=torch.uint8)
    radius, edges = gray.shape[1] / 64, OPENPOSE_18.edges
    poses = batch.target_joints.cpu()
    drawn = [draw_skeleton(gray, joints, edges, radius=radius) for joints in poses]
    return to_float_image(torch.stack(drawn)).to(batch.target.device)
