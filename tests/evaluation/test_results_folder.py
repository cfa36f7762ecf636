import pytest
import torch

from graphgan.data import to_uint8_image, write_image
from graphgan.evaluation import FolderOfResults


def test_results_of_another_tool_are_found_by_any_of_three_names(request_, tmp_path):
    images = to_uint8_image(request_.source.flip(-1))
    for name, image in zip(("anna-1", "images/bert/1", "carl/2/x"), images, strict=True):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / f"{name}.png", image)
    made = FolderOfResults(tmp_path)(request_)
    assert torch.equal(to_uint8_image(made), images)


def test_whole_photos_are_cut_and_other_sizes_are_brought_to_ours(request_, tmp_path):
    photo = torch.zeros(3, 128, 128, dtype=torch.uint8)
    photo[:, :64, :64] = to_uint8_image(request_.source[1])
    (tmp_path / "bert").mkdir()
    write_image(tmp_path / "bert" / "1.png", photo)
    large = torch.nn.functional.interpolate(request_.source[:1], (96, 96), mode="bilinear")
    write_image(tmp_path / "anna-1.png", to_uint8_image(large)[0])
    system = FolderOfResults(tmp_path, name="theirs")
    made = system(request_)
    torch.testing.assert_close(made[1], request_.source[1], atol=0.01, rtol=0)
    assert (made[0] - request_.source[0]).abs().mean() < 0.03
    (remark,) = system.remarks(request_.pictures, (64, 64))
    assert "results of 96 x 96, 128 x 128 pixels: faces were cut" in remark


def test_results_that_are_missing_or_cannot_be_read_are_nan(request_, tmp_path):
    write_image(tmp_path / "anna-1.png", to_uint8_image(request_.source)[0])
    (tmp_path / "bert-1.png").write_bytes(b"no image")
    system = FolderOfResults(tmp_path, name="theirs")
    assert system(request_).isnan().flatten(1).all(1).tolist() == [False, True, True]
    assert system.remarks(request_.pictures, (64, 64)) == ["theirs: 1 results cannot be read"]


def test_results_of_other_pictures_are_found_out_before_any_work(request_, tmp_path):
    write_image(tmp_path / "zoe.png", to_uint8_image(request_.source)[0])
    with pytest.raises(ValueError, match=r"such as anna-1.png, got zoe.png"):
        FolderOfResults(tmp_path).check(request_.pictures)


def test_photos_whose_size_was_changed_are_told(request_, tmp_path):
    (tmp_path / "bert").mkdir()
    write_image(tmp_path / "bert" / "1.png", torch.zeros(3, 30, 30, dtype=torch.uint8))
    remarks = FolderOfResults(tmp_path, name="theirs").remarks(request_.pictures, (64, 64))
    assert any("1 faces lie outside of their results" in remark for remark in remarks)


def test_what_is_not_like_the_picture_that_it_is_named_after_is_no_result(request_, tmp_path):
    (tmp_path / "bert").mkdir()
    noise = torch.randint(256, (3, 128, 128), dtype=torch.uint8)
    write_image(tmp_path / "bert" / "1.png", noise)
    assert FolderOfResults(tmp_path)(request_)[1].isnan().all()
