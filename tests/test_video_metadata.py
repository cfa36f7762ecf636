"""What the helper of other tests finds in a video beside frames and sound."""

import pytest
from video_metadata import video_metadata
from video_samples import write_sample

EXPECTED = {
    "mp4": {
        "chapters", "cover", "metadata creation_time", "data stream", "metadata handler_name",
        "metadata language", "metadata location", "metadata title", "metadata comment",
        "subtitle stream", "user data in the frames",
    },
    "mov": {
        "chapters", "metadata creation_time", "data stream", "metadata handler_name",
        "metadata language", "metadata location", "metadata title", "user data in the frames",
    },
    "mkv": {
        "attachment stream", "chapters", "cover", "metadata creation_time", "metadata language",
        "metadata title", "metadata LOCATION", "metadata COMMENT", "metadata ENCODER",
        "subtitle stream", "user data in the frames",
    },
}  # fmt: skip


@pytest.mark.parametrize("suffix", EXPECTED)
def test_what_cameras_and_editors_write_is_seen(tmp_path, suffix):
    path = write_sample(
        tmp_path / f"a.{suffix}", sound="aac", secrets=True, cover=suffix != "mov", rotation=90
    )
    found = set(video_metadata(path))
    assert EXPECTED[suffix] <= found, EXPECTED[suffix] - found
