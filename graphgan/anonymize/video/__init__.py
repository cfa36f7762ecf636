"""Track the faces of a video, one track per person, complete and smooth in time."""

from graphgan.anonymize.video._landmark_smoothing import Smoothed, smooth_eyes, smooth_landmarks
from graphgan.anonymize.video._tracking import Observation, Track, Tracker, Tracklet, fill

__all__ = [
    "Observation",
    "Smoothed",
    "Track",
    "Tracker",
    "Tracklet",
    "fill",
    "smooth_eyes",
    "smooth_landmarks",
]
