from dataclasses import replace

import torch
from colored_faces import ColorDetector, Gray, Recolored, colored_folder, shape_of_a_face

from graphgan.data import PreparedPictures
from graphgan.evaluation import ResultCache, Study, ToolRunner
from graphgan.evaluation._study import Subject
from graphgan.faces import Faces
from graphgan.landmarks import CIAGAN_29, face_mask


def test_where_no_face_is_found_the_usual_place_is_taken(study):
    gray = study.results(Gray(), study.protocol.probes, study.protocol.conditions)
    seen = study.see(gray.images)
    assert not seen.found.any()
    boxes = torch.stack([faces.boxes[0] for faces in study.originals.faces])
    usual = boxes.median(0).values
    assert torch.equal(study.usual_box, usual)
    expected = shape_of_a_face() * (usual[2:] - usual[:2]) + usual[:2]
    torch.testing.assert_close(seen.landmarks[0], expected)


def test_without_any_original_found_the_usual_place_is_the_middle(pictures, tools, study):
    class Blind(ColorDetector):
        def __call__(self, image):
            return Faces.of_boxes(torch.zeros(0, 4))

    blind = Study(pictures, study.protocol, ToolRunner(replace(tools, detector=Blind())))
    assert blind.usual_box.tolist() == [31.5, 31.5, 95.5, 95.5]


def test_the_68_landmarks_are_found_where_the_folder_has_others(study, tools, tmp_path):
    root = colored_folder(tmp_path, scheme=CIAGAN_29)
    others = Study(PreparedPictures(root), study.protocol, ToolRunner(tools))
    probes = [study.protocol.probes[i] for i in (0, 2, 0)]
    found, given = others.landmarks(probes), study.landmarks(probes)
    torch.testing.assert_close(found, given, atol=1e-3, rtol=0)
    assert others.own_landmarks(probes).shape == (3, 29, 2)
    request = others._request(probes, probes)
    assert torch.equal(request.own_landmarks, others.own_landmarks(probes))
    assert torch.equal(request.mask, face_mask(request.own_landmarks, (128, 128)))

    class Elsewhere(ColorDetector):
        def __call__(self, image):
            return Faces.of_boxes(torch.tensor([[0.0, 0.0, 9.0, 9.0]]))

    lost = replace(tools, detector=Elsewhere())
    others = Study(others.pictures, study.protocol, ToolRunner(lost))
    assert others.landmarks(probes).isnan().all() and not others.complete.any()


def test_results_are_made_once_for_the_same_pictures_and_conditions(
    pictures, tools, study, tmp_path
):
    made = []

    class Counting(Recolored):
        def __call__(self, request):
            made.append(len(request.source))
            return super().__call__(request)

    tool_runner = ToolRunner(tools, cache=ResultCache(tmp_path))
    again = replace(study, tool_runner=tool_runner)
    probes, conditions = study.protocol.probes, study.protocol.conditions
    first = again.results(Counting(), probes, conditions)
    second = again.results(Counting(), probes, conditions)
    assert sum(made) == len(probes)
    assert torch.equal(first.images, second.images)
    again.results(Counting(), probes, conditions[::-1])
    assert sum(made) == 2 * len(probes)


def test_what_takes_no_condition_is_not_made_again_for_others(tools, study, tmp_path):
    made = []

    class Counting(Gray):
        def __call__(self, request):
            made.append(len(request.source))
            return super().__call__(request)

    again = replace(study, tool_runner=ToolRunner(tools, cache=ResultCache(tmp_path)))
    for conditions in (study.protocol.conditions, study.protocol.conditions[::-1]):
        again.results(Counting(), study.protocol.probes, conditions)
    assert sum(made) == len(study.protocol.probes)


def test_a_system_is_told_names_photos_and_people(study):
    asked = []

    class Curious(Gray):
        def __call__(self, request):
            asked.append(request)
            return super().__call__(request)

    probes, conditions = study.protocol.probes, study.protocol.conditions
    study.results(Curious(), probes, conditions)
    (request,) = asked  # conditions are the sources where a system takes none
    rows = study.pictures.pictures
    assert list(request.pictures) == [rows[i] for i in probes]
    assert request.condition_people == [rows[i].person for i in probes]
    assert request.mask.shape == (len(probes), 1, 128, 128)


def test_results_are_made_and_seen_once(study):
    calls = []

    class Counting(Gray):
        def __call__(self, request):
            calls.append(len(request.source))
            return super().__call__(request)

    subject = Subject(study, Counting())
    some = subject.among(torch.arange(24) < 5)
    assert some.seen is subject.seen
    assert sum(calls) == 24
    assert int(some.present.sum()) == 5 and bool(subject.present.all())
