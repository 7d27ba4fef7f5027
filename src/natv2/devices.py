"""Where tensors live, how they get there and back, and in which precision training computes."""

import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import conv2d, linear

from natv2.errors import UserError
from natv2.run import Precision, Run

logger = logging.getLogger("natv2")

Reading = Callable[[], float]
"""Gives a number that is on its way."""


def resolve(run: Run) -> Run:
    """`run` with the device and the precision that it has here.

    Raises UserError where it asks for a GPU and torch finds none.
    """
    if run.device == "cuda" and not torch.cuda.is_available():
        raise UserError("parameter 'device' cannot be 'cuda': torch finds no GPU here; allowed: auto, cpu")
    device = resolve_device(run.device)
    found = {"device": device.type, "precision": resolve_precision(run.precision, device)}
    return run.model_copy(update=found)


def resolve_device(name: str) -> torch.device:
    """The device called `name`: cpu, cuda, or auto for a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def resolve_precision(name: Precision, device: torch.device) -> Precision:
    """The precision called `name`: fp32, bf16, or auto for bf16 on a GPU that trains in it."""
    if name == "auto":
        return "bf16" if device.type == "cuda" and _trains_in_bf16(device) else "fp32"
    return name


@cache
def _trains_in_bf16(device: torch.device) -> bool:
    """Whether a step in bf16 works on `device` and gives what one in fp32 does; told where it does not."""
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        return False
    try:  # of any of AMD's devices torch says that it is made for bf16
        (exact, found) = (_gradient(device, bf16) for bf16 in (False, True))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
    else:
        if torch.allclose(found, exact, rtol=0.1, atol=0.1 * float(exact.abs().max())):
            return True
        reason = "it computes something else in bf16 than in fp32"
    logger.warning("training is in fp32: %s does not train in bf16 (%s)", device, reason)
    return False


def _gradient(device: torch.device, bf16: bool) -> Tensor:
    """The gradient of a small convolution's weights, after a matrix product."""
    generator = torch.Generator().manual_seed(0)
    x, weight, last = (
        torch.randn(shape, generator=generator).to(device) for shape in ((8, 8, 8, 8), (16, 8, 3, 3), (4, 16))
    )
    weight.requires_grad_()
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        loss = linear(conv2d(x, weight).mean((2, 3)), last).float().square().sum()
    (gradient,) = torch.autograd.grad(loss, weight)
    return gradient.cpu()


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """What a forward pass runs in: bf16 has convolutions and matrix products in that, sums and losses not.

    A backward pass belongs outside of it: it computes in what the forward pass did.
    """
    enabled = resolve_precision(precision, device) == "bf16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor` on `device`; to a GPU it goes out of pinned memory, so that nobody waits for it."""
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def fetch(number: Tensor) -> Reading:
    """Send `number` back; reading it waits for it alone, not for what a GPU was given to do after it."""
    here = number.to("cpu", non_blocking=True)  # in pinned memory, where it comes from a GPU
    if not number.is_cuda:
        return here.item
    arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrived.record()

    def read() -> float:
        arrived.synchronize()
        return here.item()

    return read
