"""One image file as RGB pixels, whatever its format and mode."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from natv2.images.levels import Extent, Levels, common_levels, extent, is_deep

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
HEIF = (".heic", ".heif", ".hif")
"""Endings of photos that Pillow reads with the extra `heif`."""

_NO_PAGES = {"MPO", "PSD"}  # a photo's preview, a picture's layers
_FLOOR = 400_000_000  # bytes that any file may claim: photos of 108 megapixels, however plain
_RATIO = 200  # of what larger ones claim to the file's own size; a photo of one colour has 192


class DecodedImage(NamedTuple):
    """Pixels uint8 (H, W, 3), and what the file was: its size after rotation, its mode, its digest.

    `extent` is that of the values where they have more than 8 bits; `pages` is how many pictures the file
    holds, of which this is the first.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    mode: str
    digest: str
    extent: Extent | None
    pages: int


class UnreadableImageError(Exception):
    """A file that is no whole image of a sensible size; the message says why."""


def decode(path: Path, size: tuple[int, int] | None, levels: Levels | None = None) -> DecodedImage:
    """The image at `path`, resized to `size` (width, height) where that is given and it has another.

    More than 8 bits are scaled by `levels` (None: those of this image alone). Raises UnreadableImageError on
    a file that is damaged, truncated, no image, or a decompression bomb.
    """
    try:
        content = path.read_bytes()
        with Image.open(BytesIO(content), formats=image_formats()) as image:
            _refuse_bomb(image, len(content))
            mode, pages = _mode(image), _pages(image)
            # EXIF's orientation exchanges the sides, and drafting would change them.
            orientation = _orientation(image)
            width, height = _upright(image.size, orientation)
            if size is not None and image.width > 2 * size[0]:
                image.draft(None, (2 * max(size), 2 * max(size)))
            found = extent(np.asarray(image)) if is_deep(image.mode) else None
            rgb = as_rgb(image, levels or (found and common_levels([found])))
            if orientation in _UPRIGHT:  # Pillow's own exif_transpose fails where the rest of EXIF is damaged
                rgb = rgb.transpose(_UPRIGHT[orientation])
            if size is not None and rgb.size != size:
                rgb = rgb.resize(size, Image.Resampling.BICUBIC)
            pixels = np.asarray(rgb)
    except Image.DecompressionBombError as error:
        limit = f"images.max_pixels={Image.MAX_IMAGE_PIXELS}"
        raise UnreadableImageError(f"a decompression bomb, or larger than {limit}: {error}") from None
    except Exception as error:  # Pillow's plugins let any kind through when a file is damaged
        raise UnreadableImageError(_reason(error, path)) from None
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return DecodedImage(pixels, width, height, mode, digest, found, pages)


def as_rgb(image: Image.Image, levels: Levels | None = None) -> Image.Image:
    """`image` of any mode as RGB: more than 8 bits scaled by `levels`, transparent parts on white.

    Without `levels` the image's own values tell what is white.
    """
    if is_deep(image.mode):
        values = np.asarray(image)
        levels = levels or common_levels([extent(values)])
        image = Image.fromarray(levels.to_bytes(values))
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
    with suppress(ImportError):  # the extra `heif`
        from pillow_heif import register_heif_opener

        register_heif_opener()
    return tuple(kind for kind in Image.ID if kind not in _NO_IMAGES)


@cache
def image_suffixes() -> frozenset[str]:
    """File name endings of the formats that are decoded."""
    formats = image_formats()
    known = Image.registered_extensions().items()
    # Photos of two lenses begin with a JPEG, as which Pillow opens them.
    return frozenset({suffix for suffix, kind in known if kind in formats} | {".mpo"})


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the image at `path`, upright, from its header alone; None where it has none."""
    try:
        with Image.open(path, formats=image_formats()) as image:
            return _upright(image.size, _orientation(image))
    except Exception:  # whatever is wrong, decoding will say it
        return None


@contextmanager
def pixel_limit(pixels: int) -> Iterator[None]:
    """Within it images of so many pixels are read, and larger ones refused, by Pillow too."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _refuse_bomb(image: Image.Image, size: int) -> None:
    # Pillow raises at twice its limit and warns at once; a warning would be too late here.
    pixels, limit = image.width * image.height, Image.MAX_IMAGE_PIXELS
    if limit is not None and pixels > limit:
        raise Image.DecompressionBombError(f"{pixels:,} pixels")
    claimed = pixels * (4 if is_deep(image.mode) else len(image.getbands()))
    if claimed > max(_FLOOR, _RATIO * size):
        raise Image.DecompressionBombError(f"{claimed:,} bytes of pixels from a file of {size:,}")


def _mode(image: Image.Image) -> str:
    """Pillow's mode; with ";16" where it takes the upper 8 bits of each of several channels of 16."""
    tiles = getattr(image, "tile", None) or [("", None, 0, "")]
    upper = ";16" in str(tiles[0][3]) and not is_deep(image.mode)
    return f"{image.mode};16" if upper else image.mode


def _pages(image: Image.Image) -> int:
    if image.format in _NO_PAGES:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # the first page may be whole though the others are not
        return 1


def _orientation(image: Image.Image) -> int:
    """EXIF's, as far as Pillow has not turned the image itself: that of a TIFF file it tells upright."""
    if image.format == "TIFF":
        return 1
    # To look for EXIF takes as long as to decode a small JPEG, and that tells at once whether it has any.
    if image.format == "JPEG" and not image.info.keys() & {"exif", "xmp"}:
        return 1
    orientation: int = image.getexif().get(_ORIENTATION, 1)
    return orientation


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    width, height = size
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, UnidentifiedImageError):
        if path.suffix.lower() in HEIF and not image_suffixes().intersection(HEIF):
            return "a HEIC photo is read with the extra heif: pip install 'natv2[heif]'"
        return "not an image, or damaged at its beginning" if path.stat().st_size else "empty file"
    return " ".join(str(error).split()) or type(error).__name__
