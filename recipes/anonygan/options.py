"""Training options of AnonyGAN and its presets."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

from objective import LossOptions
from torch import nn

from graphgan.data import LANDMARKS_OF_68
from graphgan.landmarks import IBUG_68, LandmarkScheme
from graphgan.models import (
    AnonyGAN,
    AppearanceDiscriminator,
    ConditionFitting,
    EfficientNetLite,
    IdentityNetwork,
    LandmarkDiscriminator,
    LandmarkGenerator,
    ProjectedDiscriminator,
)
from graphgan.training import OptimizerOptions, RunOptions

Preset = Literal[
    "smoke",
    "small",
    "shipped",
    "people-128",
    "small-68lm-no-cm",
    "small-68lm-no-attention-no-cm",
    "small-29lm-no-attention-no-cm",
    "paper",
    "paper-68lm-no-cm",
    "paper-68lm-no-attention-no-cm",
    "paper-29lm-no-attention-no-cm",
]


@dataclass(frozen=True)
class ModelOptions:
    """The networks. The defaults are the paper's."""

    width: int = 64
    """Channels after the generator's first convolutions."""
    blocks: int = 6
    """Number of landmark-appearance aggregation blocks."""
    reasoning: Literal["bipartite", "none", "cross_attention", "pose_attention"] = "bipartite"
    """How the halves of the shape stream exchange information: bipartite graph reasoning (paper),
    or for ablations a replacement with about as many parameters: none, cross-attention between all
    positions, or the pose-attentional transfer of Zhu et al., CVPR 2019."""
    discriminator_width: int = 64
    """Channels after the discriminators' first convolution."""
    projected: bool = False
    """Use projected discriminators, which see features of EfficientNet-lite0 (trained on ImageNet)
    instead of pixels (not in the paper)."""
    landmarks: int | None = None
    """Number of landmarks the networks see. Default: all that the faces have (68 for drawn faces,
    as in the paper). 29 keeps the jaw, bridge of the nose and inner lips of 68."""
    shape_encoding: Literal["separate", "joint"] = "separate"
    """Encode the landmarks of condition and source separately (paper) or jointly (published
    code)."""
    landmark_attention: Literal["gap", "position", "embedding", "none"] = "gap"
    """Input of the landmark attention: "gap" as published, which cannot learn, "position" or
    "embedding" as alternatives, or "none" to leave it out."""
    attention_kernel: int = 3
    """Odd number J of neighboring descriptors that determine a landmark attention weight (3 in the
    published code; the paper gives no value)."""
    attention_order: Literal["source_first", "condition_first"] = "source_first"
    """Which landmarks come first in the attention. The published code puts the condition's
    first."""
    blend: Literal["attend_base", "attend_intermediate", "two_maps"] = "attend_base"
    """How the output is blended: the attention selects the base image (paper) or the generated
    image (published code), or two maps, one that scales the base image and one that scales the
    generated image (BiGraphGAN)."""
    base: Literal["condition", "context"] = "condition"
    """Base image of the blend: the condition (paper) or the source without its face (published
    code)."""
    bend_condition: float = 0.0
    """How far to warp the condition to the source's landmarks before the generator sees it, 0 to 1
    (0 in the paper)."""
    keep_shape: float = 0.0
    """Above 0, warp the condition to its own face shape in the source's pose and expression, which
    are separated using the training set's landmarks. Higher values keep more of the condition's own
    shape (0 in the paper)."""
    mirror_condition: bool = False
    """Mirror the condition if it faces the other way than the source, and fill in its hidden side
    from its mirror image (needs --bend-condition; not in the paper)."""
    forehead: float = 0.0
    """How far the mask extends above the brows, see `face_mask`. 0 ends it at the brows (paper)."""
    face_alone: bool = False
    """Show only the condition's face, with its colors extended around it, instead of hair and
    background (not in the paper)."""
    keep_openings: bool = False
    """Open the condition's mouth and eyes as far as the source's, move the corners of the mouth to
    the source's and show teeth in an open mouth. When anonymizing, also copy the gaze (needs
    --bend-condition; not in the paper)."""
    match_light: bool = False
    """Match the condition's skin tone and lighting to the source's face, by a plane of color and
    two contrasts (not in the paper)."""
    match_sharpness: bool = False
    """Make the condition no sharper than the source's face (not in the paper)."""
    detail: float = 0.0
    """Copy structures finer than about this share of the image height from the fitted condition. 0
    leaves them to the generator (paper)."""
    context: bool = True
    """Also give the generator the source without its face."""
    dropout: float = 0.5
    """Dropout probability in the aggregation blocks."""
    norm: Literal["batch", "instance", "group"] = "batch"
    """Normalization in every network: "batch" as published, or "instance" or "group", which do not
    mix samples."""
    attention_norm: bool = False
    """Normalize inside the attention decoder, whose masks otherwise saturate (not in the paper)."""
    upsampling: Literal["transposed", "resize"] = "transposed"
    """Upsampling in the output heads. "resize" avoids checkerboard artifacts."""
    gradient_checkpointing: bool = False
    """Save memory by recomputing parts of the generator in the backward pass. Training is
    slower."""
    trained_with: str = ""
    """Comma-separated names of other networks whose features the weights of --start-from were
    trained with; read from those weights. Metrics based on these networks are not independent."""

    @property
    def num_landmarks(self) -> int:
        """Number of landmarks k, before the faces (which may have another number) are known."""
        return IBUG_68.num_landmarks if self.landmarks is None else self.landmarks

    def for_faces(self, scheme: LandmarkScheme) -> "ModelOptions":
        """The options with the number of landmarks that faces of this scheme supply.

        Raises:
            ValueError: the number cannot be supplied, or an option does not support it.
        """
        known = LANDMARKS_OF_68 if scheme == IBUG_68 else (scheme.num_landmarks,)
        if self.landmarks is not None and self.landmarks not in known:
            numbers = " or ".join(map(str, known))
            raise ValueError(
                f"expected a network of {numbers} landmarks for faces with {scheme.name}, got one "
                f"of {self.landmarks} (--landmarks, or the weights of --start-from)"
            )
        count = self.landmarks or scheme.num_landmarks
        unsupported = {
            "--mirror-condition False": self.mirror_condition and count not in LANDMARKS_OF_68,
            "--keep-openings False": self.keep_openings and count != IBUG_68.num_landmarks,
        }
        if flags := " ".join(flag for flag, chosen in unsupported.items() if chosen):
            raise ValueError(f"expected {flags} with {count} landmarks of {scheme.name}")
        return replace(self, landmarks=count)

    def generator(self, size: tuple[int, int] | None = None) -> AnonyGAN:
        generator = LandmarkGenerator(
            6 if self.context else 3,
            self.num_landmarks,
            width=self.width,
            num_blocks=self.blocks,
            reasoning=self.reasoning,
            shape_encoding=self.shape_encoding,
            landmark_attention=None
            if self.landmark_attention == "none"
            else self.landmark_attention,
            attention_kernel=self.attention_kernel,
            attention_order=self.attention_order,
            dropout=self.dropout,
            norm=self.norm,
            reasoning_norm=self.norm,
            attention_norm=self.norm if self.attention_norm else None,
            blend=self.blend,
            upsampling=self.upsampling,
        )
        generator.gradient_checkpointing = self.gradient_checkpointing
        return AnonyGAN(
            generator,
            base=self.base,
            fitting=self.fitting(),
            forehead=self.forehead,
            face_alone=self.face_alone,
            detail=self.detail,
            size=size,
            trained_with=sorted(
                {*self.trained_with.split(","), "lite0" if self.projected else ""} - {""}
            ),
        )

    def like(self, model: AnonyGAN) -> "ModelOptions":
        """Options that match a generator, with these options' discriminators."""
        config = model.generator.config
        fitting = {} if model.fitting is None else model.fitting.config
        return replace(
            self,
            width=config["width"],
            blocks=config["num_blocks"],
            reasoning=config["reasoning"],
            landmarks=config["num_landmarks"],
            shape_encoding=config["shape_encoding"],
            landmark_attention=config["landmark_attention"] or "none",
            attention_order=config["attention_order"],
            blend=config["blend"],
            base=model.base,
            bend_condition=fitting.get("bend", 0.0),
            keep_shape=fitting.get("keep_shape", 0.0),
            mirror_condition=fitting.get("mirror", False),
            forehead=model.forehead,
            face_alone=model.face_alone,
            keep_openings=fitting.get("keep_openings", False),
            match_light=fitting.get("match_light", False),
            match_sharpness=fitting.get("match_sharpness", False),
            detail=model.detail,
            context=config["appearance_channels"] == 6,
            dropout=config["dropout"],
            norm=config["norm"],
            attention_norm=config["attention_norm"] is not None,
            upsampling=config["upsampling"],
            trained_with=",".join(model.trained_with),
        )

    def fitting(self) -> ConditionFitting | None:
        fitting = ConditionFitting(
            self.num_landmarks,
            bend=self.bend_condition,
            keep_shape=self.keep_shape,
            mirror=self.mirror_condition,
            keep_openings=self.keep_openings,
            match_light=self.match_light,
            match_sharpness=self.match_sharpness,
        )
        return None if fitting.config == {"bend": 0} else fitting

    def discriminators(self, *, identity: bool = False) -> dict[str, nn.Module]:
        """Build the appearance and landmark discriminators and, with ``identity``, an identity
        network."""
        width, norm = self.discriminator_width, self.norm
        if self.projected:
            *_, last = channels = EfficientNetLite("lite0").stage_channels
            return {
                "app": ProjectedDiscriminator(channels, width=width, condition_channels=last),
                "lm": ProjectedDiscriminator(
                    channels, width=width, num_landmarks=self.num_landmarks
                ),
            }
        networks: dict[str, nn.Module] = {
            "app": AppearanceDiscriminator(width=width, norm=norm),
            "lm": LandmarkDiscriminator(self.num_landmarks, width=width, norm=norm),
        }
        return networks | {"identity": IdentityNetwork(width=width)} if identity else networks


@dataclass(frozen=True)
class PairOptions:
    """Training pairs. The defaults are the paper's."""

    batch_size: int = 32
    """Pairs per step, over all devices."""
    same_image_share: float = 0.75
    """Share of pairs whose condition is the source itself."""
    same_person_share: float = 0.0
    """Share of pairs with two images of one person, which allow pixel supervision across poses."""
    num_pairs: int | None = 24_000
    """Number of pairs, drawn once before training. None draws new ones at every step (published
    code)."""
    flip: bool = False
    """Randomly mirror half of the pairs, images and landmarks (not in the paper)."""
    degraded: bool = False
    """Randomly change the lighting of conditions and sources, and blur, shrink, compress and add
    noise to sources (not in the paper)."""


@dataclass(frozen=True)
class TrainOptions(RunOptions):
    """Train AnonyGAN on a prepared folder, or on drawn faces if --data is not given."""

    preset: Preset = "smoke"
    """Defaults of all other options: "smoke" (minutes on two cores), "small", "shipped" (as for the
    shipped weights), "people-128" (from portraits, see `pose_portraits.py`), "paper", and ablations
    of "small" and "paper": without context matching, that is weak feature matching ("no-cm"), also
    without landmark attention, and with 29 landmarks."""
    size: int = 128
    """Side of drawn faces in pixels. Prepared folders have their own size."""
    people: int = 200
    """Number of drawn people to train on."""
    faces_per_person: int = 12
    """Drawn images per person."""
    model: ModelOptions = field(default_factory=ModelOptions)
    pairs: PairOptions = field(default_factory=PairOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    optimizer: OptimizerOptions = field(default_factory=partial(OptimizerOptions, lr_d=2e-6))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_discriminators()
        if self.loss.penalizes_gradients and self.model.norm == "batch":
            raise ValueError(
                "expected --norm instance or group with gradient penalties: batch statistics mix "
                "the items whose gradients the penalty treats one by one"
            )

    def _check_discriminators(self) -> None:
        """Raise ``ValueError`` for a loss term that the chosen discriminators do not support."""
        loss = self.loss
        if self.model.projected:
            unknown = {
                "--r1": loss.r1,
                "--r2": loss.r2,
                "--gradient-penalty": loss.gradient_penalty,
                "--weight-identity": loss.weight_identity,
                "--wfm-logits": loss.wfm_logits,
            }
            if loss.adversarial in ("relativistic", "wasserstein"):
                raise ValueError(
                    f"expected another --adversarial, got {loss.adversarial}: projected"
                    " discriminators have no gradient penalties"
                )
        else:
            unknown = {
                "--weight-features": loss.weight_features,
                "--weight-keep": loss.weight_keep,
                "--weight-attention": loss.weight_attention,
            }
        for flag, value in unknown.items():
            if value:
                known = "without" if self.model.projected else "with"
                raise ValueError(f"expected {flag} {known} --projected, got {value:g}")


def like_weights(options: TrainOptions, source: Path) -> TrainOptions:
    """The options of a run that starts from these weights and keeps their generator."""
    model = AnonyGAN.from_pretrained(source)
    size = options.size if model.size is None else max(model.size)
    return replace(options, size=size, model=options.model.like(model))


PAPER_SAME_IMAGE_SHARE = PairOptions().same_image_share


def without_same_person(options: TrainOptions) -> TrainOptions:
    """The options for faces of which nobody has two: the paper's shares of pairs, which ask for
    none of one person in two images, and nothing that such pairs teach."""
    pairs = options.pairs
    if pairs.same_person_share > 0:
        pairs = replace(pairs, same_image_share=PAPER_SAME_IMAGE_SHARE, same_person_share=0.0)
    starts = options.start_from is not None  # from weights that already know face shapes
    keep_shape = options.model.keep_shape if starts else 0.0
    return replace(options, pairs=pairs, model=replace(options.model, keep_shape=keep_shape))


DRAWING_FLAGS = ("--size", "--people", "--faces-per-person")

_PAPER = TrainOptions(preset="paper")
# Real faces at a fraction of the cost. Nearly everything is learned from pixels, inside the mask,
# on pairs of one person in two images; with many pairs of an image with itself, the attention
# would learn to copy the condition.
_SMALL = replace(
    _PAPER,
    preset="small",
    steps=2_000,
    size=64,
    model=replace(
        _PAPER.model,
        width=32,
        discriminator_width=32,
        dropout=0.0,
        landmark_attention="position",
        attention_norm=True,
        upsampling="resize",
    ),
    pairs=PairOptions(
        batch_size=16, same_image_share=0.125, same_person_share=0.75, num_pairs=None
    ),
    loss=LossOptions(
        weight_app=0.2,
        weight_lm=0.2,
        weight_wfm=0.1,
        weight_recon=20,
        recon_of="pasted",
        context_jitter=0.2,
    ),
    optimizer=replace(_PAPER.optimizer, lr_g=4e-4, lr_d=5e-5, decay=0.5, ema=0.99),
)
# Beyond the paper: the condition is bent, lit, and shown up to the hair. Little is left to be
# learned, so little width does, and what discriminators see is what is seen in the end.
_SHIPPED = replace(
    _SMALL,
    preset="shipped",
    steps=3_300,
    size=128,
    model=replace(
        _SMALL.model,
        width=16,
        blocks=4,
        discriminator_width=24,
        norm="group",
        bend_condition=1.0,
        keep_shape=2.0,
        mirror_condition=True,
        forehead=0.7,
        keep_openings=True,
        match_light=True,
        match_sharpness=True,
        detail=1 / 32,
    ),
    pairs=PairOptions(
        batch_size=4, same_image_share=0.25, same_person_share=0.5, num_pairs=None, flip=True
    ),
    loss=replace(
        _SMALL.loss,
        wfm_pairs="same_person",
        judged="pasted",
        r1=1.0,
        context_jitter=0.0,
        condition_jitter=0.3,
    ),
    optimizer=replace(_SMALL.optimizer, ema=0.998),
)
# Portraits of people who do not exist in many poses, see `pose_portraits.py`.
_PEOPLE = replace(
    _SHIPPED,
    preset="people-128",
    steps=1_000,  # later, recognizers find a little more and results look no more real
    save_every=250,
    sheet_every=250,
    model=replace(
        _SHIPPED.model,
        projected=True,
        discriminator_width=64,
        forehead=0.35,
        face_alone=True,
        detail=0.0,
    ),
    pairs=PairOptions(
        batch_size=16,
        same_image_share=0.125,
        same_person_share=0.375,
        num_pairs=None,
        flip=True,
        degraded=True,
    ),
    loss=LossOptions(
        adversarial="hinge",
        weight_app=1,
        weight_lm=1,
        weight_wfm=0.5,
        weight_features=3,
        weight_recon=10,
        weight_keep=1.5,
        weight_attention=1.5,
        condition_jitter=0.2,
        augmentation=0.3,
    ),
    optimizer=OptimizerOptions(lr_g=4e-4, lr_d=4e-4, beta1=0.0, beta2=0.99, decay=0.0, ema=0.998),
)
# A few minutes on two cores.
_SMOKE = replace(
    _SMALL,
    preset="smoke",
    steps=700,
    save_every=200,
    sheet_every=200,
    model=replace(_SMALL.model, width=16, blocks=3, discriminator_width=16),
    optimizer=replace(_SMALL.optimizer, lr_g=6e-4, decay=0.0, ema=0.98),
)


def _ablations(full: TrainOptions) -> list[TrainOptions]:
    """What [A] compares its full model with, section 4: no context matching ("CM", the weak feature
    matching of eq. 4, whose weight is lambda_CM there), then no landmark attention either ("LA"),
    then 29 landmarks. The context is the generator's input in all of them."""
    no_matching = replace(full.loss, weight_wfm=0.0)
    no_attention = replace(full.model, landmark_attention="none")
    models = {
        "68lm-no-cm": full.model,
        "68lm-no-attention-no-cm": no_attention,
        "29lm-no-attention-no-cm": replace(no_attention, landmarks=29),
    }
    return [
        replace(full, preset=cast(Preset, f"{full.preset}-{name}"), model=model, loss=no_matching)
        for name, model in models.items()
    ]


PRESETS: dict[Preset, TrainOptions] = {
    options.preset: options
    for options in (
        _SMOKE,
        _SMALL,
        _SHIPPED,
        _PEOPLE,
        *_ablations(_SMALL),
        _PAPER,
        *_ablations(_PAPER),
    )
}
