"""Methods that replace a face: by another person, a blur, a mosaic or a flat color.

Your own method is one small class:

    class Mirrored:
        name = "mirrored"
        size = (128, 128)
        uses_conditions = False

        def __call__(self, faces, conditions):
            return faces.images.flip(-1)
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from graphgan._checks import check_choice
from graphgan.anonymize._conditions import Condition
from graphgan.anonymize._obscure import blur_faces, cover_faces, pixelate_faces
from graphgan.anonymize.compositor import AlignedFaces, carry_outward, show_face_alone
from graphgan.anonymize.compositor._constants import FOREHEAD
from graphgan.data import LANDMARKS_OF_68, to_uint8_image
from graphgan.faces import Iris
from graphgan.landmarks._eyes import Eyes, eye_states, with_eyes_of
from graphgan.layers import match_grain
from graphgan.models import AnonyGAN, GeneratorOutput, OnnxAnonyGAN, generate_at_full_resolution
from graphgan.models._full_resolution import works_at_full_resolution

Obscuring = Literal["blur", "pixelate", "solid"]

DEFAULT_SIZE = (128, 128)

_BLOCK = 16  # of a crop of 128 pixels
_DOUBLINGS = 2
_MOST_READY = 48  # conditions at a size: 3 MB each at 512 pixels


@runtime_checkable
class FaceMethod(Protocol):
    """Anything that makes new faces for old ones.

    Optional attributes: ``forehead`` says how far its masks rise above the brows, see `face_mask`.
    ``doublings`` says how often its size may be doubled for larger crops. ``shows_nobody = True``
    says that its results show no face; a recognizer does not check them. A method
    ``eye_states(image, landmarks)`` says that its results follow the eyes: in a clip it is called
    for every frame, and its values come back smoothed as ``eyes`` of `AlignedFaces`.

    Attributes:
        name: in reports.
        size: height and width of its crops in pixels.
        uses_conditions: whether it shows the person of a condition; it then needs landmarks.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def uses_conditions(self) -> bool: ...

    def __call__(
        self, faces: AlignedFaces, conditions: Sequence[Condition]
    ) -> Float[Tensor, "b 3 h w"]:
        """New crops in [-1, 1]: the new face inside the mask, continued around it.

        Args:
            faces: what to replace.
            conditions: one for each face if the method uses conditions, else none.
        """
        ...


def shows_nobody(method: FaceMethod) -> bool:
    """Whether the results of a method show no face."""
    return bool(getattr(method, "shows_nobody", False))


def forehead_of(method: FaceMethod) -> float:
    """How far the masks of a method rise above the brows, see `face_mask`."""
    return float(getattr(method, "forehead", 0.0))


def crop_size(method: FaceMethod, width: float) -> tuple[int, int]:
    """Height and width of the crop for a face that is ``width`` pixels wide in its image.

    This is the method's own size, doubled until it is as wide, at most ``doublings`` times.
    """
    height, own = method.size
    doublings = 0
    while doublings < getattr(method, "doublings", 0) and own << doublings < width:
        doublings += 1
    return height << doublings, own << doublings


class GeneratedFaces:
    """Another person in the same pose and expression, by a trained AnonyGAN.

    If the network's `AnonyGAN.keep_openings` is set, lids and irises of its results are moved to
    those of the old face, see `with_eyes_of`. If it is an `AnonyGAN` whose attention blends the
    condition, larger faces are generated at two or four times its size, see
    `generate_at_full_resolution`.

    Args:
        model: a trained network, which is put into eval mode, or one exported to ONNX.
        size: height and width of its training crops, if it does not say so. It does not work at
            other sizes, since its reasoning sums over pixels.
    Raises:
        ValueError: a network for landmarks that are not a subset of iBUG-68; no size, or another
            size than that of an exported network.
    """

    name = "people"
    uses_conditions = True

    def __init__(
        self, model: AnonyGAN | OnnxAnonyGAN, *, size: tuple[int, int] | None = None
    ) -> None:
        exported = isinstance(model, OnnxAnonyGAN)
        count = _num_landmarks(model)
        if count not in LANDMARKS_OF_68:
            known = " or ".join(map(str, LANDMARKS_OF_68))
            raise ValueError(f"expected a network of {known} landmarks, got {count}")
        chosen = size or model.size
        if chosen is None:
            raise ValueError("expected a size: this network does not record its training size")
        self.size = chosen
        if exported and self.size != model.size:
            raise ValueError(f"expected a network for {self.size}, got one for {model.size}")
        self.forehead = model.forehead
        enlarges = isinstance(model, AnonyGAN) and works_at_full_resolution(model)
        self.doublings = _DOUBLINGS if enlarges and self.size == model.size else 0
        self.model = model if isinstance(model, OnnxAnonyGAN) else model.eval()
        self._chosen = LANDMARKS_OF_68[count]
        self._iris = Iris() if model.keep_openings else None
        self._ready: dict[tuple[int, tuple[int, int]], tuple[Condition, Condition]] = {}

    @torch.no_grad()
    def __call__(
        self, faces: AlignedFaces, conditions: Sequence[Condition]
    ) -> Float[Tensor, "b 3 h w"]:
        size = (faces.images.shape[2], faces.images.shape[3])
        people = [self._shown(condition, size) for condition in conditions]
        images = torch.stack([person.image for person in people])
        landmarks = torch.stack([person.landmarks for person in people])
        inputs = (
            images,
            faces.images,
            landmarks[:, self._chosen],
            faces.landmarks[:, self._chosen],
            faces.masks,
        )
        made = self._generated(inputs).to(faces.images)
        if self._iris is not None:
            made = _with_eyes_of_the_old(self._iris, made, faces)
        # Networks learn what is inside the mask: outside, their images may be anything.
        made = carry_outward(made, faces.masks)
        return match_grain(made, faces.images, faces.masks, _noise_for(faces.images))

    def eye_states(
        self, image: UInt8[Tensor, "3 h w"], landmarks: Float[Tensor, "n 68 2"]
    ) -> Float[Tensor, "n 6"] | list[None]:
        """Eye states that the new faces follow; None if they follow none."""
        if self._iris is None:
            return [None] * len(landmarks)
        return eye_states(self._iris(image, landmarks))

    def _shown(self, condition: Condition, size: tuple[int, int]) -> Condition:
        """The condition at the size of the crops, as the network knows it; cached."""
        key = (id(condition), size)
        if key in self._ready:
            return self._ready[key][1]
        shown = condition.resized(size)
        if self.model.face_alone:
            image = show_face_alone(shown.image[None], shown.landmarks[None])[0]
            shown = replace(shown, image=image)
        if len(self._ready) >= _MOST_READY:
            del self._ready[next(iter(self._ready))]
        self._ready[key] = (condition, shown)  # kept alive, so that the id stays its own
        return shown

    def _generated(self, inputs: tuple[Tensor, ...]) -> Float[Tensor, "b 3 h w"]:
        if isinstance(self.model, OnnxAnonyGAN):
            return self.model(*inputs)
        device = next(self.model.parameters()).device
        given = [x.to(device) for x in inputs]
        if self.doublings:
            return generate_at_full_resolution(self.model, *given)
        output: GeneratorOutput = self.model(*given)
        return output.image


def _noise_for(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Standard normal noise that depends on the image: every frame of a video has its own."""
    noise = []
    for image in images:
        seed = zlib.crc32(image.float().cpu().numpy().tobytes())
        draw = torch.Generator().manual_seed(seed)
        noise.append(torch.randn(1, *image.shape[1:], generator=draw))
    return torch.stack(noise).to(images)


def _with_eyes_of_the_old(
    iris: Iris, made: Float[Tensor, "b 3 h w"], faces: AlignedFaces
) -> Float[Tensor, "b 3 h w"]:
    """New faces whose eyes follow those of the old ones, which are measured if not known."""
    known = faces.eyes
    if known is None:
        known = faces.landmarks.new_full((len(made), 6), torch.nan)
    asked = (~known.isfinite().all(1)).nonzero().flatten()
    images = torch.cat([made, faces.images[asked]])
    found = iris.of_crops(
        to_uint8_image(images), torch.cat([faces.landmarks, faces.landmarks[asked]])
    )
    own, old = (
        Eyes(*parts)
        for parts in zip(*(x.split_with_sizes([len(made), len(asked)]) for x in found), strict=True)
    )
    wanted = known.to(own.irises).index_copy(0, asked, eye_states(old))
    return with_eyes_of(made, own, wanted)


def _num_landmarks(model: AnonyGAN | OnnxAnonyGAN) -> int:
    if isinstance(model, OnnxAnonyGAN):
        return model.num_landmarks
    return int(model.generator.num_landmarks)


class ObscuredFaces:
    """A blur, a mosaic or a flat color: nobody is shown, and the forehead is covered too.

    Args:
        kind: "blur" (101 pixels of 128), "pixelate" (blocks of 16 of 128 pixels: a face is four to
            five blocks wide), or "solid" (black).
        size: height and width of the crops, in pixels; kernel and blocks are shares of the height.
    Raises:
        ValueError: another kind.
    """

    forehead = FOREHEAD
    uses_conditions = False
    shows_nobody = True

    def __init__(self, kind: Obscuring, *, size: tuple[int, int] = DEFAULT_SIZE) -> None:
        check_choice("kind", kind, get_args(Obscuring))
        self._scale = size[0] / 128
        self.name: Obscuring = kind
        self.size = size

    def __call__(
        self, faces: AlignedFaces, conditions: Sequence[Condition] = ()
    ) -> Float[Tensor, "b 3 h w"]:
        images = faces.images
        everywhere = torch.ones_like(images[:, :1])
        if self.name == "blur":
            kernel = 2 * round(50 * self._scale) + 1
            return blur_faces(images, everywhere, kernel_size=kernel)
        if self.name == "pixelate":
            block = max(round(_BLOCK * self._scale), 1)
            return pixelate_faces(images, everywhere, block_size=block)
        return cover_faces(images, everywhere)
