import csv
from pathlib import Path

import pytest
import torch
from skimage.data import astronaut

from graphgan.data import read_image
from graphgan.faces import AgeSexNetwork, FaceFinder, apparent_age_and_sex

PEOPLE = Path(__file__).parents[3] / "shared" / "people"


def test_a_face_is_told_wherever_it_is_and_however_it_leans():
    image = torch.from_numpy(astronaut()).permute(2, 0, 1).contiguous()
    (face,) = FaceFinder()(image)
    turned = image.rot90(1, (1, 2)).contiguous()  # to the left
    x, y = face.landmarks.unbind(1)
    points = torch.stack([y, image.shape[2] - 1 - x], 1)
    (age,), (male,) = apparent_age_and_sex(image, face.landmarks[None])
    (same_age,), (same_male,) = apparent_age_and_sex(turned, points[None])
    assert male < 0.1 and 20 < age < 55
    assert abs(same_age - age) < 2 and abs(same_male - male) < 0.05


def test_faces_without_landmarks_are_not_told():
    points = torch.rand(3, 68, 2) * 40
    points[1, 5] = torch.nan
    points[2] = 7.0
    ages, males = apparent_age_and_sex(torch.zeros(3, 50, 50, dtype=torch.uint8), points)
    assert ages.isfinite().tolist() == males.isfinite().tolist() == [True, False, False]


@pytest.mark.skipif(not PEOPLE.is_dir(), reason="shared/people is not here")
@pytest.mark.slow
def test_portraits_are_told_as_they_were_asked_for():
    with (PEOPLE / "people.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[::10]
    finder, right, ages = FaceFinder(), 0, []
    for row in rows:
        image = read_image(PEOPLE / "images" / row["image"])
        face = max(finder(image), key=lambda found: float(found.box[2] - found.box[0]))
        (age,), (male,) = apparent_age_and_sex(image, face.landmarks[None])
        right += int((male > 0.5) == (row["sex"] == "male"))
        ages.append((float(age), float(row["age"])))
    assert right >= len(rows) - 1
    assert torch.corrcoef(torch.tensor(ages).T)[0, 1] > 0.8


@pytest.mark.unhooked
def test_refuses_images_of_another_size():
    with pytest.raises(ValueError, match=r"expected images of shape \(b, 3, 112, 112\)"):
        AgeSexNetwork()(torch.zeros(1, 3, 96, 96))
