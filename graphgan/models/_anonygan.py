"""AnonyGAN: shows another person's face in the pose and expression of a source.

Source: [A] Dall'Asen et al., "Graph-based Generative Face Anonymisation with Pose Preservation",
ICIAP 2021, https://arxiv.org/abs/2112.05496.
Differs from the authors' code: there the result is blended with the context
(``base="context"``).
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_choice, check_features
from graphgan.landmarks import face_mask
from graphgan.landmarks._masks import check_forehead
from graphgan.layers._smoothing import smooth, with_details_of
from graphgan.models._condition_fitting import ConditionFitting
from graphgan.models._generator import GeneratorOutput, LandmarkGenerator
from graphgan.models._pretrained import Pretrained

Base = Literal["condition", "context"]

_LIGHT = 40 / 128  # side of the box filters, as a share of the height
_TINY = 1e-3


class AnonyGAN(Pretrained):
    """Fill the masked hole in the source with the condition's identity.

    ``context = source * (1 - mask)``, so the hole is 0, mid-gray;
    ``output = generator([condition | context], (condition_landmarks, source_landmarks), base)``

    Args:
        generator: by default the paper's (width 64, 6 blocks, 68 landmarks). With 3 appearance
            channels it sees only the condition, without context.
        fitting: warps the condition to the source's landmarks and matches its colors before the
            generator sees it (not in the paper), so that generator and blend see the identity in
            the right pose and lighting. Painted insides of mouths are kept unchanged. Where it
            matches the lighting, the smooth part of what the generator changes inside the mask is
            left out, ``change - smooth(change)``: it would only add dark patches.
        base: image that the attention mask blends with the generated one: the condition (paper) or,
            if the generator sees it, the context (published code).
        forehead: forehead of the mask drawn if none is given, see `face_mask`; also used by callers
            that draw masks for the model.
        face_alone: the model was trained on conditions without hair and background; used by callers
            that prepare conditions, see `graphgan.anonymize.compositor.show_face_alone`.
        detail: structures finer than about this share of the height are copied from the fitted
            condition: ``image = condition + smooth(image - condition)``, see `with_details_of` (not
            in the paper). 0 leaves them to the generator.
        size: height and width of the training images in pixels; used by callers that crop faces,
            not by the network.
        trained_with: names of other networks whose features were used in training, such as "lite0";
            evaluation does not judge the model with these.
    Shapes:
        ``condition, source: b 3 h w`` in [-1, 1], ``condition_landmarks, source_landmarks: b k 2``
        in pixels, ``mask: b 1 h w``, 1 inside the face (by default the `face_mask` of the
        source's landmarks; ignored where neither generator nor base sees the context)
        -> `GeneratorOutput`. Images have the dtype of the weights; landmarks and mask may stay in
        float32 (bf16 cannot hold pixel positions).
    Raises:
        ValueError: mismatched shapes, or no mask if it cannot be derived.

    Example:
        >>> model = AnonyGAN(LandmarkGenerator(width=8, num_blocks=1)).eval()
        >>> faces, points = torch.zeros(2, 3, 32, 32), 31 * torch.rand(2, 68, 2)
        >>> model(faces, faces, points, points).image.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(
        self,
        generator: LandmarkGenerator | None = None,
        *,
        base: Base = "condition",
        fitting: ConditionFitting | None = None,
        forehead: float = 0.0,
        face_alone: bool = False,
        detail: float = 0.0,
        size: tuple[int, int] | None = None,
        trained_with: Sequence[str] = (),
    ) -> None:
        super().__init__()
        check_choice("base", base, get_args(Base))
        self.generator = LandmarkGenerator() if generator is None else generator
        check_forehead(forehead)
        if not 0 <= detail < 0.5:
            raise ValueError(f"expected detail from 0 to below 0.5, got {detail}")
        if fitting is not None and fitting.num_landmarks != self.generator.num_landmarks:
            raise ValueError(
                f"expected a fitting of {self.generator.num_landmarks} landmarks, as the "
                f"generator's, got {fitting.num_landmarks}"
            )
        self.fitting = fitting
        self.base = base
        self.forehead = forehead
        self.face_alone = face_alone
        self.detail = detail
        self.size = size
        self.trained_with = tuple(trained_with)
        self.config = {"base": base, "generator": self.generator.config}
        if fitting is not None:
            self.config["fitting"] = fitting.config
        if forehead:
            self.config["forehead"] = forehead
        if face_alone:
            self.config["face_alone"] = True
        if detail:
            self.config["detail"] = detail
        if size is not None:
            self.config["size"] = list(size)
        if trained_with:
            self.config["trained_with"] = list(trained_with)
        if self.generator.appearance_channels not in (3, 6):
            raise ValueError(
                f"expected 3 or 6 appearance channels, got {self.generator.appearance_channels}"
            )

    def forward(
        self,
        condition: Float[Tensor, "b 3 h w"],
        source: Float[Tensor, "b 3 h w"],
        condition_landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
        mask: Float[Tensor, "b 1 h w"] | None = None,
    ) -> GeneratorOutput:
        check_features(condition, 3, "condition")
        if source.shape != condition.shape:
            raise ValueError(
                f"expected a source of shape {tuple(condition.shape)}, got {tuple(source.shape)}"
            )
        if self._needs_mask:
            mask = self._mask(source, source_landmarks, mask)
        if self.fitting is not None:
            condition = self.fitting(condition, source, condition_landmarks, source_landmarks, mask)
        return self.of_fitted(condition, source, condition_landmarks, source_landmarks, mask)

    def of_fitted(
        self,
        fitted: Float[Tensor, "b 3 h w"],
        source: Float[Tensor, "b 3 h w"],
        condition_landmarks: Float[Tensor, "b k 2"],
        source_landmarks: Float[Tensor, "b k 2"],
        mask: Float[Tensor, "b 1 h w"] | None,
    ) -> GeneratorOutput:
        """Like `forward`, for a condition that is already fitted."""
        appearance = base = fitted
        if mask is not None and (self.sees_context or self.base == "context"):
            context = source * (1 - mask).to(source.dtype)
            if self.sees_context:
                appearance = torch.cat([fitted, context], dim=1)
            if self.base == "context":
                base = context
        landmarks = (condition_landmarks, source_landmarks)
        output: GeneratorOutput = self.generator(appearance, landmarks, base)
        if self.detail:
            side = 2 * round(self.detail * source.shape[2] / 2) + 1
            image = with_details_of(fitted.to(output.image.dtype), output.image, side)
            output = output._replace(image=image.clamp(-1, 1))
        if mask is not None and self.fitting is not None and self.fitting.match_light:
            image = _keep_light(fitted.to(output.image.dtype), output.image, mask)
            output = output._replace(image=image)
        if self.fitting is not None:
            kept = self.fitting.keep_mouths(output.image, fitted, *landmarks)
            output = output._replace(image=kept)
        return output

    @property
    def _needs_mask(self) -> bool:
        fits = self.fitting is not None and self.fitting.sees_source
        return self.sees_context or self.base == "context" or fits

    def _mask(self, source: Tensor, landmarks: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            size = (source.shape[2], source.shape[3])
            mask = face_mask(landmarks, size, forehead=self.forehead)
        if mask.shape != (expected := (source.shape[0], 1, *source.shape[2:])):
            raise ValueError(f"expected a mask of shape {expected}, got {tuple(mask.shape)}")
        return mask

    @property
    def keep_openings(self) -> bool:
        """Whether mouth and eyes follow the source's, see `ConditionFitting`; used by callers that
        can find the eyes in results, see `with_eyes_of`.
        """
        return self.fitting is not None and self.fitting.keep_openings

    @property
    def sees_context(self) -> bool:
        """Whether the generator also sees the source without its face."""
        return self.generator.appearance_channels == 6

    @classmethod
    def published(
        cls,
        num_landmarks: int = 68,
        *,
        context: bool = True,
        attention: bool = True,
        **options: Any,
    ) -> "AnonyGAN":
        """Build the network as in the published code, where it differs from the paper.

        Args:
            num_landmarks: k.
            context: give the generator the source without its face, and use that as the base of the
                blend; otherwise the base is the condition.
            attention: use landmark attention, which the released script omits.
            options: options of `LandmarkGenerator` that override the published ones.
        """
        published: dict[str, Any] = {
            "shape_encoding": "joint",
            "landmark_attention": "gap" if attention else None,
            "attention_order": "condition_first",
            "blend": "attend_intermediate",
        }
        generator = LandmarkGenerator(6 if context else 3, num_landmarks, **(published | options))
        return cls(generator, base="context" if context else "condition")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "AnonyGAN":
        generator = LandmarkGenerator(**config["generator"])
        size, fitting = config.get("size"), None
        if (chosen := config.get("fitting")) is not None:
            fitting = ConditionFitting(generator.num_landmarks, **dict(chosen))
        return cls(
            generator,
            base=config["base"],
            fitting=fitting,
            forehead=config.get("forehead", 0.0),
            face_alone=config.get("face_alone", False),
            detail=config.get("detail", 0.0),
            size=None if size is None else (int(size[0]), int(size[1])),
            trained_with=config.get("trained_with", ()),
        )


def _keep_light(
    fitted: Float[Tensor, "b 3 h w"],
    image: Float[Tensor, "b 3 h w"],
    mask: Float[Tensor, "b 1 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """The image without the smooth part of what it changes in the fitted one inside the mask."""
    change, inside = image - fitted, mask.to(image.dtype)
    side = 2 * round(_LIGHT * image.shape[2] / 2) + 1
    light = smooth(change * inside, side) / smooth(inside, side).clamp(min=_TINY)
    return (image - light).clamp(-1, 1)
