import pytest
import torch
from torch import nn

from natv2.images.batches import calibration_batches
from natv2.images.config import CalibrationConfig
from natv2.spaces.architecture import constant
from natv2.spaces.design import DESIGNS
from natv2.training.recalibration import calibrate
from tests.tiny import new_supernet, splits

IMAGES = splits(train=40)


def naive_statistics(supernet, architecture, batches) -> dict[str, torch.Tensor]:
    """The average over batches of what each norm sees: its mean and its unbiased variance."""
    network = supernet.subnet(architecture).train()
    seen: dict[str, list[torch.Tensor]] = {}

    def look(name: str, x: torch.Tensor) -> None:
        seen.setdefault(f"{name}.running_mean", []).append(x.mean(dim=(0, 2, 3)))
        seen.setdefault(f"{name}.running_var", []).append(
            x.transpose(0, 1).flatten(1).var(dim=1, correction=1)
        )

    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _, x, name=name: look(name, x[0]))
    with torch.no_grad():
        for batch in batches:
            network(batch.at(architecture.resolution))
    return {name: torch.stack(values).mean(dim=0) for name, values in seen.items()}


@pytest.mark.parametrize("name", DESIGNS)
def test_statistics_are_the_average_over_the_batches(name):
    supernet = new_supernet(name)
    exits = (2, 4) if name.startswith("EE") else (5,)
    mask = supernet.design.full_mask
    architecture = constant(
        supernet.design, resolution=20, width=0.1, exits=exits, depth=3, kernel=5, expand_ratio=4, mask=mask
    )
    # batches of 16, 16 and 8 images: each counts once, whatever its size
    batches = calibration_batches(IMAGES, CalibrationConfig(images=40, batch_size=16), 0)
    assert [len(batch) for batch in batches] == [16, 16, 8]
    found = calibrate(supernet, architecture, batches)
    expected = naive_statistics(supernet, architecture, batches)
    assert {key for key in found if not key.endswith("num_batches_tracked")} == expected.keys()
    for key, value in expected.items():
        assert torch.allclose(found[key], value, rtol=1e-4, atol=1e-5), key
        assert not found[key].requires_grad


def test_calibration_leaves_the_supernet_as_it_was_and_repeats_itself():
    supernet = new_supernet("EE_DP_OFAMobileNetV3", dropout=0.5)
    before = {key: tensor.clone() for key, tensor in supernet.state_dict().items()}
    batches = calibration_batches(IMAGES, CalibrationConfig(images=32, batch_size=16), 0)
    first = calibrate(supernet, supernet.largest(16), batches)
    again = calibrate(supernet, supernet.largest(16), batches)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert all(torch.equal(tensor, before[key]) for key, tensor in supernet.state_dict().items())
