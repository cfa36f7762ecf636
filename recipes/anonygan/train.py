"""Train AnonyGAN: `python recipes/anonygan/train.py --help`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from objective import AnonyGANObjective
from options import (
    DRAWING_FLAGS,
    PRESETS,
    ModelOptions,
    TrainOptions,
    like_weights,
    without_same_person,
)
from pictures import sheet_columns
from projected import ProjectedObjective
from results import (
    anonymized,
    batch_for,
    condition_pasted,
    generated,
    shown_batch,
    source_blurred,
)
from shapes import learned_shapes
from torch import Tensor
from transfer import measure_transfer, true_answers

from graphgan.commands import exit_with
from graphgan.data import (
    FaceBatch,
    PairKind,
    PairSampler,
    PairsOfSteps,
    PictureDataset,
    PreparedPictures,
    StoredPairs,
    SyntheticFaces,
    draw_splits,
    next_person_pairs,
    next_picture_pairs,
    possible_kinds,
    read_pairs,
    self_pairs,
    some_pairs,
    to_uint8_image,
)
from graphgan.faces import FaceFinder
from graphgan.landmarks import CIAGAN_29, IBUG_68, LandmarkScheme
from graphgan.metrics import POSE_SAMPLES, masked_error, measure_pose
from graphgan.models import MIN_PATCH_SIZE, AnonyGAN, FeatureNetwork
from graphgan.training import (
    SHEET_ROWS,
    VALIDATION_PAIRS,
    Experiment,
    parse_train_options,
    ready_to_train,
    train_command,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Faces(NamedTuple):
    """Faces to train on, and faces to test on (of other people if possible)."""

    train: PictureDataset
    test: PictureDataset
    scheme: LandmarkScheme = IBUG_68
    test_is_train: bool = False


def main() -> int:
    options = parse_train_options(PRESETS, drawing_flags=DRAWING_FLAGS, like_weights=like_weights)
    smaller = "--size" if options.data is None else "size of prepared faces"
    return train_command(
        options,
        partial(experiment, options),
        less_memory=f"a smaller --batch-size, --width or {smaller} needs less",
    )


def experiment(options: TrainOptions, fabric: "Fabric") -> Experiment:
    """Build and check everything a run needs."""
    faces = open_faces(options)
    if asks_for_too_much(options, faces.train):
        asked, options = options, without_same_person(options)
        if fabric.is_global_zero:
            print(told(asked, options), flush=True)
    model = options.model.for_faces(faces.scheme)
    pairs = PairsOfSteps(
        faces.train,
        make_sampler(options, faces.train),
        rank=fabric.global_rank,
        world_size=fabric.world_size,
        flip=faces.scheme if options.pairs.flip else None,
        degraded=options.pairs.degraded,
    )

    as_anonymized = model.projected and faces.scheme == IBUG_68
    to_batch = partial(
        shown_batch,
        scheme=faces.scheme,
        face_alone=model.face_alone,
        num_landmarks=model.landmarks,
        forehead=model.forehead,
        hull=as_anonymized,
        occluders=as_anonymized and model.face_alone,
    )

    def count(selected: Tensor) -> Tensor:
        return fabric.all_reduce(selected.sum().float(), reduce_op="mean")

    generator = model.generator(faces.train.size)
    learns_shapes = generator.fitting is not None and generator.fitting.keep_shape > 0
    if learns_shapes and options.start_from is None:  # weights include them
        generator.fitting.learn_shapes(learned_shapes(faces.train, model, faces.scheme))

    return Experiment(
        name="anonygan",
        generator=generator,
        discriminators=model.discriminators(identity=options.loss.weight_identity > 0),
        objective=make_objective(options, seen_scheme(model, faces.scheme), count, fabric.device),
        pairs=pairs,
        to_batch=to_batch,
        columns=sheet_maker(
            faces.test, partial(to_batch, device=fabric.device, num_landmarks=None)
        ),
        learned=partial(what_was_learned, faces=faces),
        validate=validation(faces, partial(to_batch, device=fabric.device)),
    )


def open_faces(options: TrainOptions) -> Faces:
    """Prepared faces, or drawn ones."""
    faces = drawn_faces(options) if options.data is None else prepared_faces(options.data)
    train = ready_to_train(faces.train, smallest=MIN_PATCH_SIZE, workers=options.workers)
    return faces._replace(train=train)


def drawn_faces(options: TrainOptions) -> Faces:
    draw = partial(SyntheticFaces, size=options.size, seed=options.seed)
    return Faces(*draw_splits(draw, options.people, options.faces_per_person))


def prepared_faces(root: Path) -> Faces:
    everyone = PreparedPictures(root)
    everyone.check_masks()
    train_faces = PreparedPictures(root, "train")
    if len({face.person for face in everyone.pictures if face.split == "test"}) < 2:
        # Pairs of different people need two.
        return Faces(train_faces, train_faces, everyone.scheme, test_is_train=True)
    return Faces(train_faces, PreparedPictures(root, "test"), everyone.scheme)


def seen_scheme(model: ModelOptions, scheme: LandmarkScheme) -> LandmarkScheme:
    """Scheme of the landmarks that the networks see, of faces of this scheme."""
    return scheme if model.landmarks == scheme.num_landmarks else CIAGAN_29


def make_objective(
    options: TrainOptions,
    scheme: LandmarkScheme,
    count: Callable[[Tensor], Tensor],
    device: torch.device,
) -> AnonyGANObjective:
    if not options.model.projected:
        return AnonyGANObjective(options.loss, count=count)
    network = FeatureNetwork.efficientnet_lite("lite0").to(device)
    return ProjectedObjective(options.loss, network, scheme=scheme, count=count)


def asks_for_too_much(options: TrainOptions, faces: PictureDataset) -> bool:
    """Whether pairs of one person in two images are asked for, and nobody has two."""
    learns_shapes = options.model.keep_shape > 0 and options.start_from is None
    asked = options.pairs.same_person_share > 0 or learns_shapes
    return asked and PairKind.SAME_PERSON not in possible_kinds(faces.persons)


def told(asked: TrainOptions, options: TrainOptions) -> str:
    """What is trained on where everybody has one image, and what else became of the options."""
    share = options.pairs.same_image_share
    line = (
        f"one image a person: {share:.0%} of the pairs are an image with itself, "
        f"{1 - share:.0%} two people, none one person in two images"
    )
    return line if asked.model == options.model else f"{line}; --keep-shape 0"


def make_sampler(options: TrainOptions, faces: PictureDataset) -> PairSampler:
    pairs = options.pairs
    return PairSampler(
        faces.persons,
        batch_size=pairs.batch_size,
        same_image_share=pairs.same_image_share,
        same_person_share=pairs.same_person_share,
        num_pairs=pairs.num_pairs,
        seed=options.seed,
    )


def sheet_maker(
    faces: PictureDataset, to_batch: Callable[[StoredPairs], FaceBatch]
) -> Callable[[AnonyGAN], dict[str, Tensor]]:
    """Columns of a fixed set of pairs of different people, so that sheets can be compared."""
    persons = faces.persons
    everyone = next_person_pairs(persons) if len(set(persons)) > 1 else self_pairs(len(persons))
    chosen = some_pairs(everyone, SHEET_ROWS)
    batch = to_batch(read_pairs(faces, chosen))
    answers: dict[str, Tensor] = {}
    if isinstance(faces, SyntheticFaces):
        answers = {"true answer": true_answers(faces, chosen)}
    return lambda model: sheet_columns(model, batch) | answers


def validation(
    faces: Faces, to_batch: Callable[..., FaceBatch]
) -> Callable[[AnonyGAN], float] | None:
    """The error inside the mask on a fixed set of held-out pairs with a true answer.

    Drawn faces: pairs of two people. Photos: two photos of one person, where the source is the
    answer; None if no test person has two, or there are no test faces.
    """
    persons = faces.test.persons
    if isinstance(faces.test, SyntheticFaces):
        chosen = some_pairs(next_person_pairs(persons), VALIDATION_PAIRS)
        answers = true_answers(faces.test, chosen)
    elif faces.test_is_train or len(set(persons)) == len(persons):
        return None
    else:
        chosen, answers = some_pairs(next_picture_pairs(persons), VALIDATION_PAIRS), None
    batch = to_batch(read_pairs(faces.test, chosen), num_landmarks=None)
    answers = batch.source if answers is None else answers.to(batch.source.device)
    return lambda model: float(masked_error(generated(model, batch), answers, batch.mask).mean())


def what_was_learned(model: AnonyGAN, faces: Faces) -> str:
    """Transfer of identity where the true answer is known, otherwise pose and expression."""
    if isinstance(faces.test, SyntheticFaces):
        return str(measure_transfer(model, faces.train, faces.test))
    if len(set(faces.test.persons)) < 2:
        return "pose not measured: needs faces of at least two people"
    pairs = some_pairs(next_person_pairs(faces.test.persons), POSE_SAMPLES)
    batch = batch_for(model, read_pairs(faces.test, pairs), faces.scheme)
    answers = {
        "AnonyGAN": anonymized(model, batch),
        "condition pasted": condition_pasted(batch),
        "source blurred": source_blurred(batch),
    }
    text = measure_pose(
        to_uint8_image(batch.source),
        {name: to_uint8_image(answer) for name, answer in answers.items()},
        FaceFinder(),
    )
    if faces.test_is_train:
        text += "\nmeasured on training faces, since there are no test faces of two people"
    return text


if __name__ == "__main__":
    exit_with(main)
