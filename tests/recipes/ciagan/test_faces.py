from dataclasses import replace

import torch
from faces import Faces, open_faces
from options import PRESETS

from graphgan.data import PreparedPictures, SyntheticFaces

SMOKE = PRESETS["smoke"]


def test_prepared_people_are_numbered_as_the_training_split_names_them(face_folder):
    faces = open_faces(replace(SMOKE, data=face_folder))
    assert faces.people == PreparedPictures(face_folder, "train").people == ["p0", "p1", "p2"]
    assert (len(faces.train), len(faces.test)) == (9, 6)
    assert not faces.drawn and not faces.test_is_train


def test_drawn_people_are_named_as_their_pictures_are():
    faces = open_faces(replace(SMOKE, people=3, faces_per_person=2))
    assert faces.drawn
    for name, person in zip(faces.train.names, faces.train.persons, strict=True):
        assert name.startswith(f"{faces.people[person]}_")
    assert not {*faces.train.names} & {*faces.test.names}


def test_without_test_people_the_training_faces_are_looked_at(prepare):
    faces = open_faces(replace(SMOKE, data=prepare(2, test_people=0)))
    assert faces.test_is_train
    wanted, sources = faces.unlike_pairs(6)
    assert all(w // 3 != s // 3 for w, s in zip(wanted, sources, strict=True))


def test_pairs_are_spread_over_the_sources_and_follow_from_the_seed():
    train, test = SyntheticFaces(5, 4, size=64), SyntheticFaces(10, 2, size=64, first_person=9)
    faces = Faces(train, test, [*"abcde"])
    wanted, sources = faces.unlike_pairs(5)
    assert sources == [0, 5, 10, 14, 19]
    assert all(0 <= number < 20 for number in wanted)
    assert faces.unlike_pairs(5) == (wanted, sources)
    assert faces.unlike_pairs(5, seed=1)[0] != wanted
    people = {train.persons[w] for w in faces.unlike_pairs(20)[0]}
    assert len(people) > 2
    stored = faces.read(wanted, sources)
    assert torch.equal(stored.images[0, 1], train[wanted[1]].image)
    assert torch.equal(stored.images[1, 1], test[5].image)
