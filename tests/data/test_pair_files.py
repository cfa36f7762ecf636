import pytest

from graphgan.data import PairKind
from graphgan.data._pair_files import read_listed_pairs

IMAGES = ["images/a.png", "images/b.png", "images/c.png"]
ROWS = """split,from,to
train,images/b.png,images/a.png
test,images/c.png,images/c.png
train,images/a.png,images/b.png
"""


@pytest.fixture
def read(tmp_path):
    def read(text, images=IMAGES, split=None):
        (tmp_path / "pairs.csv").write_text(text)
        return read_listed_pairs(tmp_path / "pairs.csv", images, split)

    return read


def test_from_is_the_condition_and_to_the_source(read):
    pairs = read(ROWS, split="train")
    assert pairs.condition.tolist() == [1, 0]
    assert pairs.source.tolist() == [0, 1]
    assert pairs.kind.tolist() == [PairKind.SAME_PERSON] * 2


def test_without_a_split_all_pairs_are_read(read):
    assert read(ROWS).condition.tolist() == [1, 2, 0]


def test_no_pairs_to_learn_from(read, tmp_path):
    assert read("split,from,to\n") is None
    assert read("fold,same,image_a,image_b\n0,1,images/a.png,images/b.png\n") is None
    assert read_listed_pairs(tmp_path / "none.csv", IMAGES) is None
    assert read(ROWS.replace("test", "train"), split="test") is None


@pytest.mark.parametrize("text", ["\ufeff" + ROWS, ROWS.replace("\n", "\r\n"), ROWS + "\n\n"])
def test_what_other_programs_add_does_no_harm(read, text):
    assert read(text, split="train").condition.tolist() == [1, 0]


@pytest.mark.parametrize("text", ["from,to\na,b\n", "split;from;to\n", ""])
def test_other_columns_are_refused_and_not_taken_for_no_pairs(read, text):
    with pytest.raises(ValueError, match=r"pairs\.csv: expected the columns split,from,to, got"):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS.replace("test", "Test"), "line 3: expected the split train or test, got 'Test'"),
        (ROWS.replace("c.png", "x.png"), "line 3: expected images of the folder, got images/x"),
        (ROWS + "train,images/a.png\n", "line 5: expected the values split,from,to, got train,"),
    ],
)
def test_bad_pairs_are_named_by_line(read, text, message):
    with pytest.raises(ValueError, match=message) as error:
        read(text)
    assert "(bad pairs in all: 1)" in str(error.value)


def test_pictures_of_the_other_split_are_bad(read):
    with pytest.raises(ValueError, match="line 2: expected images of the split 'train'"):
        read(ROWS, IMAGES[1:], "train")
