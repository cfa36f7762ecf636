"""The parrot attack: an attacker learns what anonymized images of known people look like.

Source: Newton et al., "Preserving Privacy by De-identifying Face Images", TKDE 2005. Comparing
anonymized with untouched images may fail only because the two look different. A parrot attacker
anonymizes images of known people with the same method and learns from the results.
"""

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from graphgan.metrics._identification import check_known

_STEPS = 1000  # never reached: it stops when the gradient vanishes


def parrot_rank_one(
    train: Float[Tensor, "n d"],
    train_people: Int[Tensor, "n"],
    probes: Float[Tensor, "m d"],
    probe_people: Int[Tensor, "m"],
    *,
    weight_decay: float = 10.0,
) -> Float64[Tensor, "m"]:
    """1 for a probe whose person a linear head ranks first, else 0: not identified.

    The head is multinomial logistic regression on anonymized images of known people: it minimizes
    ``sum over faces of -log softmax(W z + c)[person] + weight_decay / 2 |W|^2``, z the descriptors
    less their mean and over their standard deviation in ``train``. There is one minimum, which
    L-BFGS finds from zero, in double precision on the CPU: the same input gives the same answer.

    Faces without a descriptor (NaN) are excluded from training and count as wrong as probes. A
    person without any usable training face is never named.

    Args:
        train: descriptors of anonymized images, NaN where missing.
        train_people: person of each training descriptor.
        probes: descriptors of other anonymized images, likewise.
        probe_people: likewise.
        weight_decay: above 0. Measured with dlib's descriptors of 60 people, 1 to 4 training faces
            each, untouched and as mosaics: the rate hardly changes from 0.1 to 30, and falls from
            100 on where there is most to learn.
    Raises:
        ValueError: mismatched shapes, no training faces, a probe of an unknown person, or a weight
            decay that is not positive.

    Example:
        >>> people = torch.arange(3).repeat(5)
        >>> faces = torch.eye(3)[people] + 0.01 * torch.randn(15, 3)
        >>> parrot_rank_one(faces[:9], people[:9], faces[9:], people[9:]).mean()
        tensor(1., dtype=torch.float64)
    """
    _check(train, train_people, probes, probe_people)
    if not weight_decay > 0:
        raise ValueError(f"expected weight_decay above 0, got {weight_decay}")
    named = torch.zeros(len(probes), dtype=torch.float64)
    known, seen = (faces.isfinite().all(1).cpu() for faces in (train, probes))
    if not known.any():
        return named
    faces = train.cpu().double()[known]
    people, classes = torch.unique(train_people.cpu()[known], return_inverse=True)
    mean, scale = faces.mean(0), faces.std(0, correction=0)
    scale[scale == 0] = 1  # constant columns carry no information
    weight, bias = _fit((faces - mean) / scale, classes, weight_decay)
    logits = (probes.cpu().double()[seen] - mean) / scale @ weight.T + bias
    named[seen] = (people[logits.argmax(1)] == probe_people.cpu()[seen]).double()
    return named


def _fit(
    z: Float64[Tensor, "n d"], classes: Int[Tensor, "n"], weight_decay: float
) -> tuple[Float64[Tensor, "c d"], Float64[Tensor, "c"]]:
    """Weights and biases of the regression."""
    if z.shape[1] > len(z):  # the weights are sums of faces: fit them in a basis of those
        basis = torch.linalg.qr(z.T).Q
        weight, bias = _fit(z @ basis, classes, weight_decay)
        return weight @ basis.T, bias
    count = int(classes.max()) + 1
    weight = z.new_zeros(count, z.shape[1]).requires_grad_()
    bias = z.new_zeros(count).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=_STEPS,
        tolerance_grad=1e-5,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(z @ weight.T + bias, classes, reduction="sum")
        loss = loss + weight_decay / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(objective)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _check(train: Tensor, train_people: Tensor, probes: Tensor, probe_people: Tensor) -> None:
    for name, faces, people in (("training", train, train_people), ("probe", probes, probe_people)):
        if faces.ndim != 2 or people.shape != faces.shape[:1]:
            shapes = f"{tuple(faces.shape)} and {tuple(people.shape)}"
            raise ValueError(f"expected {name} descriptors n d and people n, got {shapes}")
    if train.shape[1] != probes.shape[1]:
        widths = f"{train.shape[1]} and {probes.shape[1]}"
        raise ValueError(f"expected descriptors of one width, got {widths}")
    check_known(probe_people, train_people, "the training faces")
