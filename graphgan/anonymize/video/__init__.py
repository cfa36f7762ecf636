"""The faces of a video: one track a person, whole and smooth in time."""

from graphgan.anonymize.video.one_euro import OneEuroFilter
from graphgan.anonymize.video.smoothing import Smoothed, smooth_landmarks
from graphgan.anonymize.video.tracking import Observation, Stay, Track, Tracker, fill

__all__ = [
    "Observation",
    "OneEuroFilter",
    "Smoothed",
    "Stay",
    "Track",
    "Tracker",
    "fill",
    "smooth_landmarks",
]
