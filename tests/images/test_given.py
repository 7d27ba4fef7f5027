"""What people give a finished network is a batch of images, or they are told what is needed."""

import numpy as np
import pytest
import torch
from PIL import Image

from natv2.errors import UserError
from natv2.images.given import as_batch

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.uint8)  # (H, W, 3)
CHW = torch.from_numpy(PIXELS).permute(2, 0, 1)


@pytest.mark.parametrize(
    "given",
    [
        CHW[None],
        CHW,
        PIXELS,
        PIXELS[None],
        np.moveaxis(PIXELS, 2, 0),
        torch.from_numpy(PIXELS),
        Image.fromarray(PIXELS),
        PIXELS[::-1, ::-1].copy()[::-1, ::-1],  # steps backwards
    ],
    ids=lambda given: f"{type(given).__name__}{getattr(given, 'shape', '')}",
)
def test_one_image_however_it_is_given_is_a_batch_of_one(given):
    assert torch.equal(as_batch(given), CHW[None])


def test_several_images_and_floats():
    batch = torch.stack([CHW, CHW.flip(2)])
    assert torch.equal(as_batch(batch), batch)
    assert torch.equal(as_batch(batch.permute(0, 2, 3, 1).numpy()), batch)
    for dtype in (torch.float32, torch.float64, torch.float16):
        floats = batch.to(dtype) / 255
        assert as_batch(floats) is floats
    wide = torch.linspace(-0.2, 1.2, 3 * 9).view(1, 3, 3, 3)  # as a cubic filter leaves them
    assert as_batch(wide) is wide


def test_where_channels_could_be_either_they_are_first_in_tensors_and_last_in_arrays():
    tensor = torch.arange(27, dtype=torch.uint8).view(1, 3, 3, 3)
    assert torch.equal(as_batch(tensor), tensor)
    assert torch.equal(as_batch(tensor.numpy()), tensor.permute(0, 3, 1, 2))


def test_a_pil_image_is_taken_as_those_of_a_data_set_are():
    grey = Image.fromarray(PIXELS[..., 0])
    assert torch.equal(as_batch(grey), CHW[:1].expand(3, -1, -1)[None])
    clear = Image.new("RGBA", (4, 5), (255, 0, 0, 0))
    assert torch.equal(as_batch(clear), torch.full((1, 3, 5, 4), 255, dtype=torch.uint8))
    turned = Image.fromarray(PIXELS)
    turned.getexif()[0x0112] = 6  # its right side is up
    assert as_batch(turned).shape == (1, 3, 24, 20)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (CHW[None].float(), r"floats from 0 to 255 are no pixels: .*in 0\.\.1"),
        (torch.randn(1, 3, 8, 8), r"floats from -\S+ to \S+ are no pixels"),
        (torch.full((1, 3, 2, 2), float("nan")), "floats from nan to nan are no pixels"),
        (CHW[None].long(), "pixels of int64 cannot be classified"),
        (torch.zeros(1, 3, 2, 2, dtype=torch.bool), "pixels of bool"),
        (torch.zeros(1, 3, 2, 2, dtype=torch.complex64), "pixels of complex64"),
        (torch.zeros(8, 8), r"a tensor of shape \(8, 8\)"),
        (torch.zeros(2, 1, 8, 8), r"a tensor of shape \(2, 1, 8, 8\)"),
        (torch.zeros(0, 3, 8, 8), r"a tensor of shape \(0, 3, 8, 8\)"),
        (torch.zeros(1, 3, 0, 8), r"a tensor of shape"),
        (torch.zeros(1, 1, 3, 8, 8), r"a tensor of shape"),
        (torch.zeros(1, 3, 8, 8).to_sparse(), "a tensor that is sparse"),
        (torch.zeros(1, 3, 8, 8, device="meta"), r"a tensor without values \(device meta\)"),
        (np.zeros((8, 8, 4)), r"an array of shape \(8, 8, 4\)"),
        (np.array(["a"]), "an array of <U1"),
        (np.zeros((8, 8, 3), object), "an array of object"),
        ("photo.jpg", "a str cannot be classified"),
        (None, "a NoneType"),
        ([], "a list that is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_image_is_refused_in_one_line(given, told):
    with pytest.raises(UserError, match=told) as raised:
        as_batch(given)
    assert "\n" not in raised.value.message


def test_a_damaged_picture_is_told(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with Image.open(tmp_path / "a.png") as image, pytest.raises(UserError, match="the image cannot be read"):
        as_batch(image)
