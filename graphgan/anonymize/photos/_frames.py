"""A decoded picture to a frame: upright, in its own channels and depth, with its color profile."""

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from graphgan.anonymize.photos._repairs import MAX_PROFILE_BYTES
from graphgan.anonymize.photos.photo import Frame

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_GRAY_MODES, _COLOR_MODES = {"1", "L", "LA", "La"}, {"P", "PA", "RGB", "RGBX", "RGBA", "RGBa"}
_COLOR_MODES |= {"YCbCr"}

_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0  # TIFF tag and its value


def frame_of(image: "ImageFile", file_format: str, notes: dict[str, None]) -> Frame:
    """The picture as it was decoded; what is converted or dropped is added to ``notes``."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    profile = _profile(image, notes)
    if upright.mode == "CMYK":
        upright, profile = _cmyk_to_rgb(upright, profile, notes), None
    pixels = _own_channels(upright)
    if file_format == "GIF" and len(pixels) < 3:  # its gray is a palette that has room for colors
        pixels = np.concatenate([pixels[:1]] * 3 + [pixels[1:]])
    if upright.mode.startswith("I;16") and _is_min_white(image):
        pixels = 65535 - pixels  # Pillow does so for 8 bits only
    duration = image.info.get("duration")
    return Frame(
        torch.from_numpy(_wiped(pixels)),
        duration=None if duration is None else float(duration),
        icc_profile=profile,
        resolution=_resolution(image),
        max_colors=256 if file_format == "GIF" else None,
    )


def _is_min_white(image: "ImageFile") -> bool:
    return bool(getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _MIN_IS_WHITE)


def _own_channels(image: "Image") -> np.ndarray:
    """Pixels ``c h w`` of 8 bits, or of 16 for gray."""
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[None]
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers, whose range is not known")
    transparent = image.has_transparency_data
    if image.mode in _GRAY_MODES:
        mode = "LA" if transparent else "L"
    elif image.mode in _COLOR_MODES:
        mode = "RGBA" if transparent else "RGB"
    else:
        raise ValueError(f"expected gray, RGB, CMYK or a palette, got pixels of {image.mode}")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.ascontiguousarray(pixels[None] if mode == "L" else pixels.transpose(2, 0, 1))


def _wiped(pixels: np.ndarray) -> np.ndarray:
    """Without the colors of fully transparent pixels."""
    if len(pixels) in (2, 4):
        return pixels * (pixels[-1:] > 0)
    return pixels.copy()


def _cmyk_to_rgb(image: "Image", profile: bytes | None, notes: dict[str, None]) -> "Image":
    from PIL import ImageCms

    if profile is not None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            notes["CMYK was converted to sRGB by its ICC profile"] = None
            return converted
    notes["CMYK was converted to RGB without an ICC profile"] = None
    return image.convert("RGB")


def _profile(image: "ImageFile", notes: dict[str, None]) -> bytes | None:
    """The ICC profile, unless it is none: then it could be anything."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    size = int.from_bytes(profile[:4])
    if profile[36:40] != b"acsp" or size != len(profile) or size > MAX_PROFILE_BYTES:
        notes["an ICC profile that is damaged or too large was dropped"] = None
        return None
    return bytes(profile)


def _resolution(image: "ImageFile") -> tuple[int, int] | None:
    """In whole dots, so that it says no more than a resolution does."""
    try:
        dots = [round(float(d)) for d in image.info["dpi"]]
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (dots[0], dots[1]) if len(dots) == 2 and all(1 < d < 2**16 for d in dots) else None


def alike(frames: list[Frame]) -> list[Frame]:
    """With colors in all where one has them, and alpha in all where one has it."""
    channels = {len(frame.pixels) for frame in frames}
    if len(channels) == 1:
        return frames
    color, alpha = max(channels) > 2, bool(channels & {2, 4})
    alike = []
    for frame in frames:
        opaque = torch.full((1, *frame.size), 255, dtype=torch.uint8)
        own = frame.pixels[: 3 if len(frame.pixels) > 2 else 1]
        own = own.expand(3, -1, -1) if color and len(own) == 1 else own
        last = [] if not alpha else [opaque if frame.alpha is None else frame.alpha]
        alike.append(replace(frame, pixels=torch.cat([own, *last])))
    return alike
