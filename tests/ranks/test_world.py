"""Slices of batches, addresses, sizes, seals: what needs no other process."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from natv2.errors import UserError
from natv2.ranks.control import Address, Control
from natv2.ranks.group import RankGroup, Wanted, group_key
from natv2.ranks.shipping import Parcels, SealError
from natv2.ranks.sizing import first_host, meeting_place, with_ranks
from natv2.ranks.worker import take_gpu
from natv2.ranks.world import World, mine, within
from natv2.run import Run


@given(st.integers(2, 300), st.integers(1, 9), st.sampled_from([1, 2, 32]))
def test_slices_cover_a_batch_once(count: int, size: int, least: int):
    slices = [World(rank=rank, size=size, least=least).slice(count) for rank in range(size)]
    counted = [each for each in slices if each.share > 0]
    rows = [row for each in counted for row in range(each.start, each.stop)]
    assert rows == list(range(count))
    assert sum(each.share for each in counted) == pytest.approx(1)
    lengths = {each.stop - each.start for each in slices}
    assert max(lengths) - min(lengths) <= 1
    assert len(counted) == 1 or min(lengths) >= least


@given(st.lists(st.integers()), st.integers(1, 5))
def test_ranks_go_through_all_items_between_them(items: list[int], size: int):
    found: list[list[int]] = []
    for rank in range(size):
        with within(World(rank=rank, size=size)):
            found.append(list(mine(items)))
    assert sorted(item for each in found for item in each) == sorted(items)


@pytest.mark.parametrize("text", ["here", "here:", ":80", "here:x", "here:70000", ""])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(UserError, match=r"parameter 'rendezvous': .* is not HOST:PORT"):
        meeting_place(text, 2)


def test_an_address_may_be_of_either_kind():
    assert Address.of("10.0.0.1:29400") == Address("10.0.0.1", 29400)
    assert Address.of("[::1]:5") == Address("::1", 5)


def test_several_hosts_need_a_place(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UserError, match="hosts=2 need rendezvous=HOST:PORT"):
        meeting_place(None, 2)
    monkeypatch.setenv("SLURM_JOB_NODELIST", "node[07-09,12]")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    assert meeting_place(None, 3) == Address("node07", 29400 + 711)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("a", "a"), ("a,b", "a"), ("gpu-[3,5]", "gpu-3"), ("node[01-04]", "node01"), ("n1,n[2-3]", "n1")],
)
def test_the_first_of_slurms_hosts(nodes: str, first: str):
    assert first_host(nodes) == first


def test_hosts_of_slurm_need_a_job(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    with pytest.raises(UserError, match="hosts=slurm needs a job of SLURM"):
        with_ranks(Run(device="cpu", hosts="slurm"), 64)


def test_workers_that_a_batch_has_no_images_for_are_refused():
    with pytest.raises(UserError, match="'workers' cannot be 3 on 1 hosts: the largest batch has 2 images"):
        with_ranks(Run(device="cpu", workers=3), 2)
    assert with_ranks(Run(device="cpu", workers=3), 6).workers == 3


def test_automatic_workers_have_32_images_each_and_share_the_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("natv2.ranks.sizing.cores", lambda: 8)
    run = Run(device="cpu", workers="auto")
    assert [(r.workers, r.threads) for r in (with_ranks(run, size) for size in (31, 64, 128, 1024))] == [
        (1, None),
        (2, 4),
        (4, 2),
        (8, 1),
    ]
    assert with_ranks(run.model_copy(update={"threads": 4}), 1024).workers == 2


def test_a_busy_port_and_an_address_of_others_are_refused():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(UserError, match=f"rendezvous=127.0.0.1:{port} cannot be listened at"):
            Control.opened(Address("127.0.0.1", port))
    with pytest.raises(UserError, match=r"rendezvous=192.0.2.1:0 cannot be listened at"):
        Control.opened(Address("192.0.2.1", 0))


def test_the_rendezvous_listens_at_its_address_alone():
    control = Control.opened(Address("127.0.0.1", 0))
    with socket.create_connection(("127.0.0.1", control.address.port), timeout=5):
        pass
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", control.address.port), timeout=5)


def test_where_nobody_is_a_worker_says_so():
    with pytest.raises(
        UserError, match=r"nobody answers at 127.0.0.1:1 within 1 s; start the run there first"
    ):
        Control.joined(Address("127.0.0.1", 1), timedelta(seconds=1))


def test_a_host_that_does_not_come_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NATV2_GROUP_KEY", "00" * 16)
    group = RankGroup(Wanted(ranks=1, device="cpu", threads=1, hosts=2, patience=1, folder=tmp_path))
    try:
        with pytest.raises(
            UserError, match=r"1 of 2 hosts came to 127.0.0.1:[0-9]+ within 1 s; start on each"
        ):
            group.ready()
    finally:
        group.close()


@pytest.mark.parametrize("key", [None, "", "xyz", "00" * 8])
def test_several_hosts_need_a_key(key: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NATV2_GROUP_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("NATV2_GROUP_KEY", key)
    with pytest.raises(UserError, match="several hosts need NATV2_GROUP_KEY"):
        group_key(2)
    assert group_key(1) != group_key(1)


@pytest.mark.parametrize(
    ("visible", "rank", "first", "seen"),
    [(None, 0, 1, "1"), (None, 2, 0, "2"), ("4,6,7", 1, 1, "7"), ("4", 0, 0, "4")],
)
def test_each_rank_sees_a_gpu_of_its_own(visible, rank, first, seen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    monkeypatch.setenv("NATV2_FIRST_GPU", str(first))
    take_gpu()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("it was unpickled",))


def test_what_was_not_sealed_by_the_group_is_not_unpickled():
    ours, theirs = Parcels(b"a" * 32), Parcels(b"b" * 32)
    assert ours.unpacked(ours.packed({"x": 1})) == {"x": 1}
    parcel = theirs.packed(Trap())
    for wrong in (parcel, parcel[32:], parcel[:-1], b"", ours.packed(Trap())[:40]):
        with pytest.raises(SealError):
            ours.unpacked(wrong)


def twice(value: object) -> object:
    parcels = Parcels(b"a" * 32)
    return parcels.unpacked(parcels.packed(value))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        torch.randn(3, 4).t(),
        torch.randn(6)[1:4],
        torch.zeros(0),
        torch.tensor(2.5, dtype=torch.bfloat16),
        torch.randn(3, 1).expand(3, 4),
        torch.tensor([True, False]),
        torch.nn.Parameter(torch.randn(3, 2), requires_grad=False),
        torch.randn(2).requires_grad_(),
        torch.empty(3, device="meta"),
    ],
)
def test_tensors_arrive_as_they_are(tensor: torch.Tensor):
    there = twice(tensor)
    assert type(there) is type(tensor)
    for what in ("dtype", "shape", "device", "requires_grad"):
        assert getattr(there, what) == getattr(tensor, what)
    assert there.stride() == tensor.stride()
    assert tensor.is_meta or torch.equal(there, tensor)


def test_an_optimiser_still_has_the_weights_of_its_network():
    network = torch.nn.Linear(3, 2)
    there, optimiser = twice((network, torch.optim.SGD(network.parameters(), 0.1)))
    assert optimiser.param_groups[0]["params"][0] is there.weight
