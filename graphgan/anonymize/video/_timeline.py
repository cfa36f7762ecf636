"""When each frame of a video is shown."""

from array import array
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

# Times that run back by more than this, in seconds, are two recordings in one file.
_MOST_BACK = 1

REPLACED = "times that are missing or do not increase were replaced"


class Timeline:
    """Times of frames in whole units of ``time_base``, each above the one before.

    Args:
        time_base: seconds of a unit.
        start: seconds that are taken off the times of the file.
    Attributes:
        pts: of each frame; 8 bytes a frame.
        last: for how long the last one is shown.
        replaced: whether a time was missing or did not increase.
    """

    def __init__(self, time_base: Fraction, start: Fraction) -> None:
        self.time_base, self.start = time_base, start
        self.pts: array[int] = array("q")
        self.last = 1
        self.replaced = False
        self._offset = round(start / time_base)

    def append(self, frame: "VideoFrame") -> int:
        """The time of the next frame.

        Raises:
            ValueError: it lies far before that of the last.
        """
        given = frame.pts if frame.pts is not None else frame.dts
        given = None if given is None else given - self._offset
        previous = self.pts[-1] if self.pts else None
        pts = given if given is not None else 0 if previous is None else previous + self.last
        if previous is not None and pts <= previous:
            seconds = (previous - pts) * self.time_base
            if seconds > _MOST_BACK:
                raise ValueError(
                    f"expected times that increase, got a step back of {float(seconds):.1f} s "
                    f"at frame {len(self.pts)}"
                )
            pts = previous + 1
        self.replaced |= pts != given
        self.last = max(frame.duration or self.last, 1)
        self.pts.append(pts)
        return pts

    def seconds(self, number: int) -> Fraction:
        """The time of a frame."""
        return self.pts[number] * self.time_base
