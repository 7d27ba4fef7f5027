"""One image file as RGB pixels, whatever its format and mode."""

import hashlib
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

_ORIENTATION = 0x0112  # EXIF's tag; 5 to 8 lie on their side
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WHITE = (255, 255, 255, 255)
_NO_IMAGES = {"PDF", "EPS", "MPEG", "HDF5", "GRIB", "BUFR", "WMF"}  # moving pictures, drawing commands


class DecodedImage(NamedTuple):
    """Pixels uint8 (H, W, 3), and what the file was: its size after rotation, its mode, its digest."""

    pixels: NDArray[np.uint8]
    width: int
    height: int
    mode: str
    digest: str


class UnreadableImageError(Exception):
    """A file that is no whole image of a sensible size; the message says why."""


def decode(path: Path, size: tuple[int, int] | None) -> DecodedImage:
    """The image at `path`, resized to `size` (width, height) where that is given and it has another.

    Raises UnreadableImageError on a file that is damaged, truncated, no image, or a decompression bomb.
    """
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content), formats=image_formats()) as image:
            _refuse_bomb(image)
            mode = image.mode
            # EXIF's orientation exchanges the sides, and drafting would change them.
            orientation = _orientation(image)
            width, height = _upright(image.size, orientation)
            if size is not None and image.width > 2 * size[0]:
                image.draft(None, (2 * max(size), 2 * max(size)))
            rgb = as_rgb(image)
            if orientation in _UPRIGHT:  # Pillow's own exif_transpose fails where the rest of EXIF is damaged
                rgb = rgb.transpose(_UPRIGHT[orientation])
            if size is not None and rgb.size != size:
                rgb = rgb.resize(size, Image.Resampling.BICUBIC)
            pixels = np.asarray(rgb)
    except Image.DecompressionBombError as error:
        raise UnreadableImageError(f"decompression bomb: {error}") from None
    except Exception as error:  # Pillow's plugins let any kind through when a file is damaged
        raise UnreadableImageError(_reason(error, path)) from None
    return DecodedImage(pixels, width, height, mode, hashlib.blake2b(content, digest_size=16).hexdigest())


def as_rgb(image: Image.Image) -> Image.Image:
    """`image` of any mode as RGB: 16-bit greys scaled to 8, transparent parts on white."""
    if image.mode.startswith("I"):  # 16-bit files open as I;16, in some formats as 32-bit I
        grey = np.asarray(image).astype(np.float64)
        # Nothing tells what white is in 32 bits: small values are those of 8 bits in a wider file.
        return _grey(grey if image.mode == "I" and grey.max(initial=0) <= 255 else grey / 257)
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        return _grey(values * 255 if values.max(initial=0) <= 1 else values)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGBA", rgba.size, _WHITE)
        return Image.alpha_composite(ground, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


@cache
def image_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read, whatever a file's name ends in; the common ones first."""
    Image.preinit()  # before all the others: Pillow tries formats in the order in which it met them
    Image.init()
    return tuple(kind for kind in Image.ID if kind not in _NO_IMAGES)


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the image at `path`, upright, from its header alone; None where it has none."""
    try:
        with Image.open(path, formats=image_formats()) as image:
            return _upright(image.size, _orientation(image))
    except Exception:  # whatever is wrong, decoding will say it
        return None


def _refuse_bomb(image: Image.Image) -> None:
    # Pillow raises at twice its limit and warns at once; a warning would be too late here.
    pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
    if limit is not None and pixels > limit:
        raise Image.DecompressionBombError(f"{pixels:,} pixels, more than {limit:,}")


def _orientation(image: Image.Image) -> int:
    # To look for EXIF takes as long as to decode a small JPEG, and that tells at once whether it has any.
    if image.format == "JPEG" and not image.info.keys() & {"exif", "xmp"}:
        return 1
    orientation: int = image.getexif().get(_ORIENTATION, 1)
    return orientation


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _grey(values: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8)).convert("RGB")


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or damaged at its beginning" if path.stat().st_size else "empty file"
    return " ".join(str(error).split()) or type(error).__name__
