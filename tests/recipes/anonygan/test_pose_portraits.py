from pathlib import Path

import numpy as np
import pose_portraits
import pytest
import torch
from pose_portraits import Options, Portrait, main, posed, read_portraits, to_8_bits

from graphgan.data import SyntheticFaces, read_image, write_image
from graphgan.faces import FaceMesh, Faces
from graphgan.landmarks import polygon_mask

LOWER, UPPER = 14, 13  # middle of the lips' inner edges
CORNERS = (78, 308)
FOREHEAD, NOSE, CHIN = 10, 1, 152


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three drawn people, the first one's mouth open, and an image without a face."""
    root, drawn = tmp_path_factory.mktemp("portraits"), SyntheticFaces(3, 1, size=256)
    for i in range(3):
        write_image(root / f"p{i}.png", drawn[i].image)
    write_image(root / "wall.png", torch.full((3, 256, 256), 90, dtype=torch.uint8))
    return root


@pytest.fixture(scope="module")
def portraits(folder) -> list[Portrait]:
    return read_portraits(folder)


# The whole command


def test_people_without_a_face_are_named_and_left_out(folder, capsys):
    portraits = read_portraits(folder)
    assert [portrait.person for portrait in portraits] == ["p0", "p1", "p2"]
    assert capsys.readouterr().out == "  wall.png: no face found, skipped\n"


def test_every_person_gets_a_folder_with_the_portrait_first(folder, portraits, tmp_path, capsys):
    main(Options(portraits=folder, out=tmp_path / "out", images=3))
    names = sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("*.png"))
    assert names == [f"p{i}/0{n}.png" for i in range(3) for n in range(3)]
    for portrait in portraits:
        images = [read_image(tmp_path / "out" / portrait.person / f"0{n}.png") for n in range(3)]
        assert torch.equal(images[0], to_8_bits(portrait.image))
        assert len({image.numpy().tobytes() for image in images}) == 3
        assert {image.shape for image in images} == {(3, 256, 256)}
    assert "3 people, 3 images each, 1 open mouths" in capsys.readouterr().out


def test_two_portraits_of_a_person_are_refused_before_anything_is_written(folder, tmp_path):
    image = read_image(folder / "p1.png")
    for name in ("0.png", "1.png"):
        (tmp_path / "in/somebody").mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "in/somebody" / name, image)
    with pytest.raises(ValueError, match="one portrait per person, got more of somebody"):
        main(Options(portraits=tmp_path / "in", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"images": 0}, "--images of at least 1, got 0"), ({"seed": -1}, "--seed of at least 0")],
)
def test_refuses_other_numbers(options, message):
    with pytest.raises(ValueError, match=message):
        Options(portraits=Path("in"), out=Path("out"), **options)


# Portraits


def test_a_portrait_is_the_square_around_the_mesh(portraits):
    image = torch.randint(0, 256, (3, 300, 400), dtype=torch.uint8)
    mesh = portraits[0].mesh.clone()
    mesh[:, :2] = mesh[:, :2] / 4 + torch.tensor([180.0, 120.0])
    portrait = pose_portraits._around_face("somebody", image, mesh)
    assert portrait.image.shape == (3, 256, 256)
    low, high = portrait.mesh[:, :2].amin(0), portrait.mesh[:, :2].amax(0)
    assert float((high - low).max()) == pytest.approx(256 / 2.4, rel=0.03)
    middle = (low + high) / 2
    assert middle.tolist() == pytest.approx([128, 128 + 0.12 * 256], abs=4)
    proportion = (portrait.mesh[CHIN] - portrait.mesh[NOSE]) / (mesh[CHIN] - mesh[NOSE])
    torch.testing.assert_close(proportion, proportion[:1].expand(3), rtol=1e-3, atol=0)


def with_mouth(portrait: Portrait, color: tuple[float, float, float]) -> Portrait:
    mouth = polygon_mask(pose_portraits._lips(portrait.mesh)[None], (256, 256))[0] > 0
    inside = torch.tensor(color)[:, None, None].expand_as(portrait.image)
    return portrait._replace(image=torch.where(mouth, inside, portrait.image))


def test_teeth_are_bright_and_without_color_in_an_open_mouth(portraits):
    wide, closed, _ = portraits
    assert wide.opening > 0.14 > closed.opening
    assert with_mouth(wide, (220.0, 215, 205)).shows_teeth
    assert not with_mouth(wide, (60.0, 20, 20)).shows_teeth  # dark
    assert not with_mouth(wide, (220.0, 90, 80)).shows_teeth  # a tongue
    assert not with_mouth(closed, (220.0, 215, 205)).shows_teeth


# Expressions and poses


def test_a_mouth_that_opens_takes_the_chin_along_and_nothing_above_it(portraits):
    before = portraits[1].mesh
    after = before.clone()
    pose_portraits._open_mouth(after, 20.0)
    moved = after - before
    assert moved[LOWER, 1] == pytest.approx(20, abs=1)
    assert moved[UPPER, 1] == pytest.approx(-2, abs=0.2)
    assert moved[list(CORNERS), 1].abs().max() < 6
    assert 5 < moved[CHIN, 1] < 20
    middle = before[[61, 291], 1].mean()
    lips = {*pose_portraits._UPPER_LIP, *pose_portraits._LOWER_LIP, *pose_portraits._OUTER_LIP}
    above = [i for i in range(468) if before[i, 1] < middle and i not in lips]
    assert not moved[above].any()
    assert not moved[:, [0, 2]].any()
    opened = Portrait("", portraits[1].image, after)
    assert opened.opening > portraits[1].opening + 0.1


def test_expressions_change_eyes_brows_and_mouth_and_no_more_than_a_little(portraits):
    mesh, opened, closed = portraits[1].mesh, 0, 0
    for seed in range(40):
        moved, has_opened = pose_portraits._with_expression(
            mesh, np.random.default_rng(seed), opens=True
        )
        eyes = float((mesh[33, :2] - mesh[263, :2]).norm())
        assert (moved - mesh).abs().max() < 0.35 * eyes
        assert (moved - mesh)[NOSE].abs().max() < 0.02 * eyes
        gaps = [(x[145, :2] - x[159, :2]).norm() for x in (moved, mesh)]
        assert gaps[0] <= gaps[1] + 1e-4
        closed += bool(gaps[0] < 0.9 * gaps[1])
        opened += has_opened
    assert 8 < opened < 24  # 0.4 of them
    assert 3 < closed < 18  # 0.25 of them


def test_the_face_of_an_image_is_where_its_mesh_was_brought_to(portraits):
    """Found again by the network, within a few pixels of 256, in its mirror image or not."""
    mesher = FaceMesh()
    for seed in range(3):
        image = posed(portraits[1], [], np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        target, _ = pose_portraits._with_expression(portraits[1].mesh, rng, opens=False)
        target = pose_portraits._turned(target, rng)
        if rng.random() >= 0.5:
            image = image.flip(-1)
        box = torch.cat([target[:, :2].amin(0), target[:, :2].amax(0)])
        found = mesher.mesh(to_8_bits(image), Faces.of_boxes(box[None])).vertices[0]
        apart = (found - target)[:, :2].norm(dim=1)
        moved = (portraits[1].mesh - target)[:, :2].norm(dim=1)
        assert apart.mean() < 4 < moved.mean()


def test_an_open_mouth_shows_the_teeth_of_another_and_nothing_else_changes(portraits):
    donor = with_mouth(portraits[0], (230.0, 230, 230))
    mesh = portraits[1].mesh.clone()
    pose_portraits._open_mouth(mesh, 30.0)
    image = portraits[1].image
    filled = pose_portraits._with_inside_of_mouth(image, mesh, donor, np.random.default_rng(0))
    lips = pose_portraits._lips(mesh)
    changed = (filled - image).abs().amax(0) > 1
    x, y = lips.T
    rows, columns = changed.nonzero().T
    assert columns.min() >= x.min() - 3 and columns.max() <= x.max() + 3
    assert rows.min() >= y.min() - 3 and rows.max() <= y.max() + 3
    middle = round(float(mesh[[UPPER, LOWER], 0].mean()))
    top, bottom = (float(mesh[i, 1]) for i in (UPPER, LOWER))
    below_the_lip, above_the_lip = round(top + 4), round(bottom - 3)
    assert filled[:, below_the_lip, middle].min() > 110  # teeth
    assert filled[:, above_the_lip, middle].max() < 90  # dark
