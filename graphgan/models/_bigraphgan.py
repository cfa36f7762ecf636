"""BiGraphGAN: shows a person in another pose.

Source: [B] Tang et al., "Bipartite Graph Reasoning GANs for Person Image Generation", BMVC 2020,
https://arxiv.org/abs/2008.04381.
"""

from collections.abc import Sequence
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor

from graphgan._checks import check_choice, check_features
from graphgan.landmarks import OPENPOSE_18, bend_limbs
from graphgan.models._generator import GeneratorOutput, LandmarkGenerator
from graphgan.models._pretrained import Pretrained

Variant = Literal["market", "deepfashion"]


_VARIANTS: dict[Variant, dict[str, Any]] = {
    "market": {"norm": "batch", "blend": "two_maps"},
    "deepfashion": {"norm": "instance", "blend": "none"},
}


class BiGraphGAN(Pretrained):
    """Render the person in an image in the pose given by other joints.

    ``output = generator(image, (joints, wanted_joints), base=image)``

    The Market-1501 variant blends ``generated * A_1 + image * A_2`` with two unbounded maps. The
    DeepFashion variant returns the generated image without blending and uses InstanceNorm instead
    of BatchNorm outside the reasoning.

    Args:
        generator: has 3 appearance channels; by default the paper's for Market-1501, see
            `BiGraphGAN.published`.
        bend: warp the image limb by limb to the target joints before the generator and the blend
            see it, see `bend_limbs` (not in the paper).
        trained_with: names of other networks whose features were used in training, such as "lite0";
            evaluation does not judge the model with these.
    Shapes:
        ``image: b 3 h w`` in [-1, 1], ``joints, wanted_joints: b k 2`` in pixels, NaN where missing
        (or pose maps ``b k h w``) -> `GeneratorOutput`; h and w divisible by 4
    Raises:
        ValueError: mismatched shapes; a generator with other appearance channels; pose maps if the
            image is to be warped, which requires coordinates.

    Example:
        >>> model = BiGraphGAN.published("market", width=8, num_blocks=1).eval()
        >>> image, joints = torch.zeros(2, 3, 32, 16), 15 * torch.rand(2, 18, 2)
        >>> model(image, joints, joints).image.shape
        torch.Size([2, 3, 32, 16])
    """

    def __init__(
        self,
        generator: LandmarkGenerator | None = None,
        *,
        bend: bool = False,
        trained_with: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.generator = published_generator("market") if generator is None else generator
        if self.generator.appearance_channels != 3:
            raise ValueError(
                f"expected 3 appearance channels, got {self.generator.appearance_channels}"
            )
        self.bend = bend
        self.trained_with = tuple(trained_with)
        self.config = {"generator": self.generator.config}
        if bend:
            self.config["bend"] = True
        if trained_with:
            self.config["trained_with"] = list(trained_with)

    @classmethod
    def published(cls, variant: Variant, **options: Any) -> "BiGraphGAN":
        """The published network for "market" or "deepfashion".

        Args:
            variant: name of the data set.
            options: options of `LandmarkGenerator` that override the published ones.
        """
        return cls(published_generator(variant, **options))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "BiGraphGAN":
        return cls(
            LandmarkGenerator(**config["generator"]),
            bend=config.get("bend", False),
            trained_with=config.get("trained_with", ()),
        )

    def forward(
        self,
        image: Float[Tensor, "b 3 h w"],
        joints: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        wanted_joints: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
    ) -> GeneratorOutput:
        check_features(image, 3, "image")
        seen = self.seen(image, joints, wanted_joints)
        output: GeneratorOutput = self.generator(seen, (joints, wanted_joints), seen)
        return output

    def seen(
        self,
        image: Float[Tensor, "b 3 h w"],
        joints: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
        wanted_joints: Float[Tensor, "b k 2"] | Float[Tensor, "b k h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The image as the generator sees it: unchanged or warped."""
        if not self.bend:
            return image
        if joints.ndim != 3 or wanted_joints.ndim != 3:
            raise ValueError(
                "expected joints as coordinates (b, k, 2) to bend the image by, got shapes "
                f"{tuple(joints.shape)} and {tuple(wanted_joints.shape)}"
            )
        return bend_limbs(image, joints, wanted_joints)


def published_generator(variant: Variant, **options: Any) -> LandmarkGenerator:
    """9 blocks, one encoder of Gaussian maps (sigma 6) of 2 x 18 joints, no landmark attention.

    Args:
        variant: "market" or "deepfashion".
        options: options of `LandmarkGenerator` that override the published ones.
    Raises:
        ValueError: an unknown variant.
    """
    check_choice("variant", variant, tuple(_VARIANTS))
    published: dict[str, Any] = {
        "appearance_channels": 3,
        "num_landmarks": OPENPOSE_18.num_landmarks,
        "num_blocks": 9,
        "shape_encoding": "joint",
        "landmark_attention": None,
        "rendering": "gaussian",
        "sigma": 6.0,
    }
    return LandmarkGenerator(**(published | _VARIANTS[variant] | options))
