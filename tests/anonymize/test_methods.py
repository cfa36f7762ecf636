import pytest
import torch
from astronaut import portrait

from graphgan.anonymize import (
    Anonymizer,
    Condition,
    FaceMethod,
    GeneratedFaces,
    ObscuredFaces,
    blur_faces,
    drawn_conditions,
    pixelate_faces,
)
from graphgan.anonymize import _methods as methods
from graphgan.anonymize.compositor import AlignedFaces, show_face_alone, soft_edges
from graphgan.data import to_float_image, to_uint8_image
from graphgan.faces import CenterFace, FaceMesh, Iris
from graphgan.landmarks import Detection, face_mask
from graphgan.landmarks._eyes import eye_states, lid_openings, with_eyes_of
from graphgan.landmarks._schemes import CIAGAN_29_INDICES
from graphgan.models import (
    AnonyGAN,
    ConditionFitting,
    GeneratorOutput,
    LandmarkGenerator,
    OnnxAnonyGAN,
    export_onnx,
)


@pytest.fixture
def faces(drawn_faces) -> AlignedFaces:
    images = torch.stack([to_float_image(face.image) for face in drawn_faces[:3]])
    landmarks = torch.stack([face.landmarks for face in drawn_faces[:3]])
    return AlignedFaces(images, landmarks, face_mask(landmarks, (64, 64)))


def a_model(num_landmarks: int = 68, **options) -> AnonyGAN:
    generator = LandmarkGenerator(6, num_landmarks, width=4, num_blocks=1)
    return AnonyGAN(generator, **options)


@pytest.fixture
def without_grain(monkeypatch):
    monkeypatch.setattr(methods, "match_grain", lambda made, *_: made)


def test_new_faces_get_the_grain_of_their_image_the_same_each_time():
    smooth = torch.full((1, 3, 128, 128), 0.2)
    noise = 0.08 * torch.randn(1, 1, 128, 128, generator=torch.Generator().manual_seed(3))
    (person,) = drawn_conditions(1, size=(128, 128))
    landmarks = person.landmarks[None]
    masks = face_mask(landmarks, (128, 128))
    model = a_model(size=(128, 128))
    model.forward = lambda condition, *_: GeneratorOutput(smooth, None, smooth)
    method = GeneratedFaces(model)

    def made_in(image):
        return method(AlignedFaces(image, landmarks, masks), [person])[masks.expand_as(image) > 0]

    grained = made_in(smooth + noise)
    assert 0.03 < float(grained.std()) < 0.08
    assert torch.equal(grained, made_in(smooth + noise))
    assert not torch.equal(grained, made_in(smooth - noise))  # the next frame
    assert float(made_in(smooth).std()) < 1e-3


@pytest.mark.usefixtures("without_grain")
def test_a_network_gives_what_it_makes_of_conditions_and_faces(faces):
    model = a_model(size=(64, 64))
    method = GeneratedFaces(model)
    assert isinstance(method, FaceMethod) and method.size == (64, 64)
    people = drawn_conditions(3, size=(64, 64))
    made = method(faces, people)
    with torch.no_grad():
        direct = model.eval()(
            torch.stack([p.image for p in people]),
            faces.images,
            torch.stack([p.landmarks for p in people]),
            faces.landmarks,
            faces.masks,
        ).image
    inside = faces.masks.bool().expand_as(made)
    assert torch.equal(made[inside], direct[inside]) and not made.requires_grad


@pytest.mark.usefixtures("without_grain")
def test_a_network_of_faces_alone_is_shown_neither_hair_nor_background(faces):
    model = a_model(size=(64, 64), face_alone=True)
    model.forward = lambda condition, *others: GeneratorOutput(condition, None, condition)
    people = drawn_conditions(3, size=(64, 64))
    made = GeneratedFaces(model)(faces, people)
    images, landmarks = (
        torch.stack([getattr(p, x) for p in people]) for x in ("image", "landmarks")
    )
    expected = show_face_alone(images, landmarks)
    inside = faces.masks.bool().expand_as(made)
    torch.testing.assert_close(made[inside], expected[inside], atol=1e-3, rtol=0)
    assert (images - expected).abs().mean() > 0.05


def test_a_condition_is_made_ready_once_a_size(faces, monkeypatch):
    people, made = drawn_conditions(1, size=(64, 64)), []
    resize = Condition.resized
    monkeypatch.setattr(Condition, "resized", lambda *given: made.append(1) or resize(*given))
    method = GeneratedFaces(a_model(size=(64, 64)))
    for _ in range(2):
        method(faces, people * 3)
    assert len(made) == 1


@pytest.mark.usefixtures("without_grain")
def test_what_a_network_makes_outside_the_mask_is_not_shown(faces):
    class Blotches(torch.nn.Module):
        """Gray inside, white beyond: as a network that learned from the inside alone may do."""

        def forward(self, condition, source, *landmarks_and_mask):
            mask = landmarks_and_mask[-1]
            image = (0.2 * mask + (1 - mask)).expand_as(source)
            return GeneratorOutput(image, None, image)

    model = a_model(size=(64, 64))
    model.forward = Blotches().forward
    made = GeneratedFaces(model)(faces, drawn_conditions(3, size=(64, 64)))
    edge = soft_edges(faces.masks) > 0
    torch.testing.assert_close(made[edge.expand_as(made)], torch.tensor(0.2).expand(3 * edge.sum()))


def test_a_network_of_fewer_landmarks_is_given_those(faces):
    people = drawn_conditions(3, size=(64, 64))
    method = GeneratedFaces(a_model(29), size=(64, 64))
    made = method(faces, people)
    chosen = list(CIAGAN_29_INDICES)
    moved = faces.landmarks.clone()
    others = [i for i in range(68) if i not in chosen]
    moved[:, others] += 3
    assert torch.equal(method(faces._replace(landmarks=moved), people), made)


@pytest.fixture(scope="module")
def winking():
    """A face with open eyes in [-1, 1], the same with nearly closed ones, its landmarks."""
    image = to_float_image(portrait())[None]
    landmarks = FaceMesh()(portrait(), CenterFace()(portrait())).points
    eyes = Iris()(portrait(), landmarks)
    middle = eyes.contours.mean(2, keepdim=True)
    closed = eyes._replace(contours=middle + (eyes.contours - middle) * torch.tensor([1.0, 0.55]))
    return image, with_eyes_of(image, eyes, closed), landmarks


def made_of(image, faces: AlignedFaces, **options) -> torch.Tensor:
    """What the method shows where the network's results are this image."""
    fitting = ConditionFitting(68, bend=1.0, **options)
    model = a_model(fitting=fitting, size=(256, 256))
    model.forward = lambda *inputs: GeneratorOutput(image, None, image)
    people = drawn_conditions(len(image), size=(256, 256))
    return GeneratedFaces(model)(faces, people)


def openings(image, landmarks) -> torch.Tensor:
    return lid_openings(Iris()(to_uint8_image(image)[0], landmarks).contours)


@pytest.mark.usefixtures("without_grain")
def test_eyes_follow_the_old_face_s_where_the_network_keeps_openings(winking):
    image, closed, landmarks = winking
    faces = AlignedFaces(closed, landmarks, face_mask(landmarks, (256, 256)))
    made = made_of(image, faces, keep_openings=True)
    before, wanted = (openings(x, landmarks).mean() for x in (image, closed))
    assert before - wanted > 0.05
    assert (openings(made, landmarks).mean() - wanted).abs() < 0.4 * (before - wanted)
    known = eye_states(Iris()(to_uint8_image(closed)[0], landmarks))  # of other frames, too
    told = made_of(image, faces._replace(images=image, eyes=known), keep_openings=True)
    assert (openings(told, landmarks).mean() - wanted).abs() < 0.4 * (before - wanted)
    inside = faces.masks.bool().expand_as(made)
    assert torch.equal(made_of(image, faces)[inside], image[inside])


@pytest.mark.usefixtures("without_grain")
def test_eyes_of_a_face_without_landmarks_stay(winking):
    image, closed, landmarks = winking
    nowhere = torch.cat([torch.full_like(landmarks, torch.nan), landmarks])
    masks = face_mask(landmarks, (256, 256)).expand(2, -1, -1, -1)
    faces = AlignedFaces(closed.expand(2, -1, -1, -1), nowhere, masks)
    made = made_of(image.expand(2, -1, -1, -1), faces, keep_openings=True)
    inside = masks[0].bool().expand_as(image[0])
    assert torch.equal(made[0][inside], image[0][inside])
    assert (made[1] - image[0])[inside].abs().max() > 0.1


@pytest.mark.slow  # it exports once more
@pytest.mark.unhooked
def test_an_exported_network_gives_the_same(faces, tmp_path):
    torch.manual_seed(0)
    model = a_model(29, size=(64, 64))
    export_onnx(model, tmp_path / "a.onnx")
    method = GeneratedFaces(OnnxAnonyGAN(tmp_path / "a.onnx"))
    assert method.size == (64, 64)
    people = drawn_conditions(3, size=(64, 64))
    assert (method(faces, people) - GeneratedFaces(model)(faces, people)).abs().max() < 1e-3
    with pytest.raises(ValueError, match=r"for \(32, 32\), got one for \(64, 64\)"):
        GeneratedFaces(method.model, size=(32, 32))


def test_the_size_is_the_network_s_own_unless_it_has_none():
    with pytest.raises(ValueError, match="expected a size"):
        GeneratedFaces(a_model())
    assert GeneratedFaces(a_model(), size=(64, 64)).size == (64, 64)
    assert GeneratedFaces(a_model(size=(220, 180))).size == (220, 180)
    with pytest.raises(ValueError, match="68 or 29 landmarks, got 5"):
        GeneratedFaces(a_model(5))


def test_the_classic_means_work_on_the_whole_crop(faces):
    everywhere = torch.ones_like(faces.masks)
    small = ObscuredFaces("pixelate", size=(64, 64))
    assert torch.equal(small(faces), pixelate_faces(faces.images, everywhere, block_size=8))
    blur = ObscuredFaces("blur", size=(64, 64))
    assert torch.equal(blur(faces), blur_faces(faces.images, everywhere, kernel_size=51))
    assert (ObscuredFaces("solid")(faces) == -1).all()
    assert not blur.uses_conditions and isinstance(blur, FaceMethod)


@pytest.mark.unhooked
@pytest.mark.parametrize("size", [(64, 64), (128, 128)])
def test_a_mosaic_has_eight_blocks_a_side(size):
    crops = AlignedFaces(torch.rand(1, 3, *size), torch.zeros(1, 68, 2), torch.ones(1, 1, *size))
    (mosaic,) = ObscuredFaces("pixelate", size=size)(crops)
    assert len(mosaic[0].unique()) == 8 * 8
    assert mosaic.mean() == pytest.approx(float(crops.images.mean()), abs=1e-3)


def test_masks_rise_over_the_brows_for_mosaics_and_where_a_network_was_trained_so(drawn_faces):
    networks = {f: GeneratedFaces(a_model(size=(64, 64), forehead=f)) for f in (0.0, 0.7)}
    people = drawn_conditions(4, size=(64, 64))
    image, points = drawn_faces[0]
    box = torch.cat([points.amin(0), points.amax(0)])
    changed = {}
    for name, chosen in (*networks.items(), ("mosaic", ObscuredFaces("pixelate"))):
        shown = people if chosen.uses_conditions else ()
        anonymizer = Anonymizer(chosen, conditions=shown, recognizer=None)
        changed[name] = anonymizer(image, detections=[Detection(box, points)]).changed
    # Over the middle between the ends of the jaw, by 0.3 of its distance to the chin.
    middle = (points[0] + points[16]) / 2
    x, y = (middle + 0.3 * (middle - points[8])).round().int().tolist()
    assert changed[0.7][0, y, x] and changed["mosaic"][0, y, x] and not changed[0.0][0, y, x]
