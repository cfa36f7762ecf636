"""What a reader must know."""

from dataclasses import replace

import pytest
import torch
from colored_faces import ColorDetector, ColorRecognizer, Gray, colored_folder

from graphgan.data import PreparedPictures
from graphgan.evaluation import Original, Study, ToolRunner, draw_protocol, evaluate
from graphgan.evaluation._measures.naturalness import Naturalness
from graphgan.evaluation._report.facts import CHECKER, cautions, warnings_of_study
from graphgan.faces import DlibResNetRecognizer
from graphgan.landmarks import CIAGAN_29


def test_few_people_and_pictures_are_said_first(study):
    assert cautions(study) == [
        "only 4 people: intervals are wide",
        "only 24 images: rates are coarse",
    ]


def test_enough_of_both_need_no_word(study, monkeypatch):
    monkeypatch.setattr("graphgan.evaluation._report.facts.LEAST_PEOPLE", 4)
    monkeypatch.setattr("graphgan.evaluation._report.facts.LEAST_PICTURES", 24)
    assert cautions(study) == []


def test_a_folder_of_another_scheme_says_where_the_68_landmarks_come_from(study, tools, tmp_path):
    root = colored_folder(tmp_path, people=2, videos=1, frames=1, test_people=1, scheme=CIAGAN_29)
    pictures = PreparedPictures(root)
    others = Study(pictures, draw_protocol(pictures.pictures, split="all"), ToolRunner(tools))
    naturalness = Naturalness(others, tools.recognizers[0], [])
    expected = "the folder has ciagan-29 landmarks; "
    assert any(line.startswith(expected) for line in warnings_of_study(others, naturalness))


def test_the_anonymizers_own_recognizer_alone_is_no_neutral_judge(pictures, study, tools):
    class Own(ColorRecognizer):
        name = CHECKER

    assert DlibResNetRecognizer.name == CHECKER
    for others, told in (([], True), ([ColorRecognizer()], False)):
        own = ToolRunner(replace(tools, recognizers=[Own(), *others]))
        said = any(CHECKER in line for line in cautions(Study(pictures, study.protocol, own)))
        assert said is told


def test_what_is_not_asked_is_counted_with_its_reason(study):
    found = evaluate(study, [Original()])
    (told,) = [line for line in found.warnings if line.startswith("re-identification")]
    assert "uses 12 of 24 probes" in told
    assert "4 gallery images" in told and "8 further parrot images" in told
    assert found.facts["probes"] == 24
    assert found.facts["recognition probes"] == 12
    assert found.rows["original"]["detected by colors"].count == 24


def test_faces_that_are_not_found_are_counted(pictures, study, tools):
    found = evaluate(study, [Gray()]).warnings
    assert any(line.startswith("gray: no face found in 24 of 24 results") for line in found)

    class Blind(ColorDetector):
        def __call__(self, image):
            return super().__call__(torch.full_like(image, 128))

    blind = Study(pictures, study.protocol, ToolRunner(replace(tools, detector=Blind())))
    found = evaluate(blind, [Original()])
    assert any(line.startswith("in 24 of 24 untouched probes no face") for line in found.warnings)
    note = found.rows["original"]["detected where the original is"].note
    assert note == "not measured (no original is detected)"


@pytest.mark.parametrize(("parrot_images", "known"), [(3, 12), (0, 0)])
def test_facts_count_the_parrot_images(make_study, parrot_images, known):
    assert (
        evaluate(make_study(parrot_images=parrot_images), [Original()]).facts["parrot images"]
        == known
    )


def test_a_recognizer_that_does_not_know_the_originals_again_is_told(pictures, study, tools):
    class Blind(ColorRecognizer):
        """Says something else of every face."""

        name = "blind"

        def __call__(self, image, landmarks):
            seed = int(image.long().sum()) % 2**31
            numbers = torch.rand(8, generator=torch.Generator().manual_seed(seed))
            return numbers.expand(len(landmarks), 8)

    own = ToolRunner(replace(tools, recognizers=[ColorRecognizer(), Blind()]))
    said = cautions(replace(study, tool_runner=own))
    assert [line for line in said if line.startswith("blind does not separate the originals")]
    assert not [line for line in said if line.startswith("color does not")]


def test_a_system_with_few_results_is_named_first(study):
    class Half(Gray):
        name = "half"

        def __call__(self, request):
            made = super().__call__(request)
            made[::2] = torch.nan
            return made

    evaluation = evaluate(study, [Half()])
    assert "half: results for 12 of 24 images" in evaluation.cautions
