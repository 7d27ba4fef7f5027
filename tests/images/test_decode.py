"""Any file Pillow opens becomes the picture a person sees; what is damaged says so."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from natv2.images.decode import UnreadableImageError, decode, image_size, pixel_limit

RAMP = np.linspace(0, 255, 48).astype(np.uint8)


def colours(height: int = 40, width: int = 48) -> NDArray[np.uint8]:
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[..., 0] = RAMP[:width]
    picture[..., 1] = RAMP[:height, None]
    picture[..., 2] = 90
    return picture


def written(folder: Path, image: Image.Image, name: str = "a.png", **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


def test_rgb_is_taken_as_it_is(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path, Image.fromarray(colours())), None)
    assert np.array_equal(decoded.pixels, colours())
    assert (decoded.width, decoded.height, decoded.mode) == (48, 40, "RGB")


@pytest.mark.parametrize(
    ("mode", "name"), [("L", "a.png"), ("P", "a.gif"), ("CMYK", "a.tif"), ("1", "a.bmp")]
)
def test_modes_become_what_pillow_shows(tmp_path: Path, mode: str, name: str) -> None:
    image = Image.fromarray(colours()).convert(mode)
    decoded = decode(written(tmp_path, image, name), None)
    assert np.abs(decoded.pixels.astype(int) - np.asarray(image.convert("RGB"))).max() <= 2
    assert decoded.mode == mode


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_greys_keep_their_range(tmp_path: Path, name: str) -> None:
    grey = np.tile(np.linspace(0, 65535, 48).astype(np.uint16), (40, 1))
    decoded = decode(written(tmp_path, Image.fromarray(grey), name), None)
    assert decoded.mode.startswith("I")
    assert np.abs(decoded.pixels[0, :, 0] - np.linspace(0, 255, 48)).max() <= 1
    assert (decoded.pixels == decoded.pixels[..., :1]).all()


def test_small_values_in_32_bits_are_those_of_8(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 255, 48).astype(np.int32), (40, 1))
    decoded = decode(written(tmp_path, Image.fromarray(grey), "a.tif"), None)
    assert decoded.mode == "I"
    assert np.array_equal(decoded.pixels[..., 0], grey)


def test_drawing_commands_under_another_name_are_no_image(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "a.jpg", "EPS")
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode(tmp_path / "a.jpg", None)


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    alpha = np.zeros((40, 48, 1), dtype=np.uint8)
    alpha[:, :20] = 255
    rgba = Image.fromarray(np.concatenate([colours(), alpha], axis=2))
    palette = rgba.convert("RGB").quantize(16)
    palette.info["transparency"] = palette.getpixel((47, 39))
    decoded = decode(written(tmp_path, rgba), None)
    assert np.array_equal(decoded.pixels[:, :20], colours()[:, :20])
    assert (decoded.pixels[:, 20:] == 255).all()
    see_through = decode(written(tmp_path, palette, "b.png", transparency=palette.info["transparency"]), None)
    assert see_through.mode == "P"
    assert (see_through.pixels[39, 47] == 255).all()


def test_exif_rotation_is_undone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    path = written(tmp_path, Image.fromarray(colours()), "a.png", exif=exif)
    decoded = decode(path, None)
    assert np.array_equal(decoded.pixels, np.rot90(colours(), 3))
    assert (decoded.width, decoded.height) == (40, 48)
    assert image_size(path) == (40, 48)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_every_orientation_is_pillows(tmp_path: Path, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path, Image.fromarray(colours()), name, exif=exif)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image)
    decoded = decode(path, None)
    assert np.array_equal(decoded.pixels, np.asarray(expected))
    assert (decoded.width, decoded.height) == image_size(path) == expected.size


def test_resizing_is_pillows_bicubic(tmp_path: Path) -> None:
    image = Image.fromarray(colours())
    decoded = decode(written(tmp_path, image), (16, 12))
    assert np.array_equal(decoded.pixels, np.asarray(image.resize((16, 12), Image.Resampling.BICUBIC)))
    assert (decoded.width, decoded.height) == (48, 40)


@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"subsampling": 0}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_what_pillow_reads(tmp_path: Path, mode: str, options: dict[str, object]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (41, 37, 3)).astype(np.uint8)
    path = written(tmp_path, Image.fromarray(noise).convert(mode), "a.jpg", **options)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    for size in (None, (37, 41)):
        assert np.array_equal(decode(path, size).pixels, expected)


def test_a_large_jpeg_is_near_its_full_decoding(tmp_path: Path) -> None:
    large = Image.fromarray(colours()).resize((900, 700), Image.Resampling.BICUBIC)
    decoded = decode(written(tmp_path, large, "a.jpg", quality=95), (64, 64))
    exact = np.asarray(large.resize((64, 64), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(decoded.pixels - exact).max() <= 6
    assert (decoded.width, decoded.height) == (900, 700)


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    image = Image.fromarray(colours())
    first, same = written(tmp_path, image, "a.png"), written(tmp_path, image, "b.png")
    other = written(tmp_path, Image.fromarray(255 - colours()), "c.png")
    assert decode(first, None).digest == decode(same, (8, 8)).digest != decode(other, None).digest


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.97])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.bmp", "a.webp", "a.tif"])
def test_a_truncated_file_is_unreadable(tmp_path: Path, name: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    path = written(tmp_path, Image.fromarray(noise), name)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableImageError):
        decode(path, None)


def test_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("a cat")
    with pytest.raises(UnreadableImageError, match="not an image"):
        decode(tmp_path / "a.jpg", None)
    assert image_size(tmp_path / "a.jpg") is None


@pytest.mark.filterwarnings("ignore:.*decompression bomb")
@pytest.mark.parametrize("limit", [1000, 100])
def test_a_decompression_bomb_is_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    path = written(tmp_path, Image.fromarray(colours()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(UnreadableImageError, match="decompression bomb"):
        decode(path, None)


@pytest.mark.filterwarnings("ignore:.*decompression bomb")
def test_a_photo_of_108_megapixels_is_read_and_a_larger_one_where_it_is_allowed(tmp_path: Path) -> None:
    plain = written(tmp_path, Image.new("L", (1, 1)), "a.jpg")
    content = bytearray(plain.read_bytes())
    at = content.index(b"\xff\xc0") + 5  # height and width in the header
    content[at : at + 4] = struct.pack(">HH", 9000, 12000)
    plain.write_bytes(content)
    with pixel_limit(108_000_000):
        assert decode(plain, (8, 8))[1:3] == (12_000, 9000)
    with pixel_limit(107_999_999), pytest.raises(UnreadableImageError, match=r"max_pixels=107999999: 108,"):
        decode(plain, (8, 8))


@pytest.mark.parametrize("side", [30_000, 60_000])
def test_what_claims_far_more_than_its_file_can_hold_is_a_bomb(tmp_path: Path, side: int) -> None:
    small = written(tmp_path, Image.new("L", (1, 1)), "a.png")
    content = bytearray(small.read_bytes())
    content[16:24] = struct.pack(">II", side, side)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    small.write_bytes(content)
    with pixel_limit(10**9), pytest.raises(UnreadableImageError, match="decompression bomb"):
        decode(small, None)


@pytest.mark.parametrize(("name", "pages"), [("a.tif", 3), ("a.gif", 3), ("a.png", 3), ("a.jpg", 1)])
def test_pages_are_counted_and_the_first_is_used(tmp_path: Path, name: str, pages: int) -> None:
    first, *others = (Image.new("L", (9, 9), value) for value in (0, 100, 200))
    options = {"save_all": True, "append_images": others} if pages > 1 else {}
    decoded = decode(written(tmp_path, first, name, **options), None)
    assert decoded.pages == pages
    assert not decoded.pixels.any()


def test_the_upper_half_of_16_bits_a_channel_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rows = b"".join(b"\0" + np.full(3 * 9, 4000, dtype=">u2").tobytes() for _ in range(8))
    content = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", 9, 8, 16, 2, 0, 0, 0)
    for chunk in (b"IHDR" + head, b"IDAT" + zlib.compress(rows), b"IEND"):
        content += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(content)
    decoded = decode(path, None)
    assert decoded.mode == "RGB;16"
    assert decoded.extent is None
    assert (decoded.pixels == 4000 // 256).all()
