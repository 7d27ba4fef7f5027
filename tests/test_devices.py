import pytest
import torch
from torch.nn.functional import linear

from natv2 import devices
from natv2.devices import autocast, fetch, resolve, resolve_device, resolve_precision, send
from natv2.errors import UserError
from natv2.run import Run

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(("there", "expected"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, there, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert resolve_device("auto").type == expected
    assert resolve_device("cpu").type == "cpu"


@pytest.fixture
def gpu(monkeypatch):
    """Makes a GPU that is said to be made for bf16, or not, and computes as the CPU does."""

    def make(made_for_it):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: made_for_it)
        monkeypatch.setattr(devices, "_gradient", lambda device, bf16: CPU_GRADIENT(CPU, bf16))
        devices._trains_in_bf16.cache_clear()

    yield make
    devices._trains_in_bf16.cache_clear()


CPU_GRADIENT = devices._gradient


@pytest.mark.parametrize(("made_for_it", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_on_a_gpu_made_for_it_and_nowhere_else(gpu, made_for_it, expected):
    gpu(made_for_it)
    assert resolve_precision("auto", GPU) == expected
    assert resolve_precision("auto", CPU) == "fp32"
    for device in (CPU, GPU):
        assert resolve_precision("fp32", device) == "fp32"
        assert resolve_precision("bf16", device) == "bf16"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (lambda device, bf16: (_ for _ in ()).throw(RuntimeError("no kernel\nfound")), "no kernel found"),
        (lambda device, bf16: CPU_GRADIENT(CPU, False) * (-1 if bf16 else 1), "computes something else"),
        (lambda device, bf16: CPU_GRADIENT(CPU, False) * (float("nan") if bf16 else 1), "something else"),
    ],
)
def test_auto_is_fp32_where_a_step_in_bf16_fails_and_it_is_told_once(gpu, monkeypatch, caplog, step, reason):
    """Of any of AMD's devices torch says that it is made for bf16."""
    gpu(True)
    monkeypatch.setattr(devices, "_gradient", step)
    assert resolve_precision("auto", GPU) == resolve_precision("auto", GPU) == "fp32"
    (line,) = caplog.messages
    assert line.startswith("training is in fp32: cuda does not train in bf16") and reason in line
    assert resolve_precision("bf16", GPU) == "bf16"


def test_a_run_is_told_what_auto_is_here(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    gpu(True)
    run = Run(seed=3, threads=2)
    assert resolve(run) == Run(seed=3, device="cuda", precision="bf16", threads=2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve(run) == Run(seed=3, device="cpu", precision="fp32", threads=2)
    with pytest.raises(UserError, match=r"'device' cannot be 'cuda'.*allowed: auto, cpu"):
        resolve(Run(device="cuda"))


@pytest.mark.parametrize(
    ("precision", "dtype"), [("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_autocast_is_what_the_precision_says(precision, dtype):
    with autocast(precision, CPU):
        assert linear(torch.ones(1, 2), torch.ones(3, 2)).dtype == dtype
    assert linear(torch.ones(1, 2), torch.ones(3, 2)).dtype == torch.float32


def test_nothing_is_sent_to_where_it_is():
    tensor = torch.arange(3)
    assert send(tensor, "cpu") is tensor
    assert send(tensor, "meta").device.type == "meta"


def test_what_goes_to_a_gpu_is_pinned_unless_it_is_there(monkeypatch):
    seen = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: seen.append("pinned") or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, to, *, non_blocking: seen.append(non_blocking))
    send(torch.arange(3), "cuda")
    assert seen == ["pinned", True]
    send(torch.arange(3, device="meta"), GPU)
    assert seen == ["pinned", True, True]


def test_what_is_fetched_can_be_read():
    assert fetch(torch.tensor(2.5))() == 2.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_what_is_sent_to_a_gpu_and_fetched_arrives():
    numbers = send(torch.arange(1000), GPU)
    assert torch.equal(numbers.cpu(), torch.arange(1000))
    assert fetch(numbers.sum())() == 499_500
