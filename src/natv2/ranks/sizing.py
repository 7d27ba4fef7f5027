"""How many ranks a run has here, and where they meet."""

import os
import re
from pathlib import Path

import torch

from natv2.errors import UserError
from natv2.ranks.control import HERE, Address
from natv2.ranks.together import use
from natv2.run import Run

LEAST = 32  # images of a batch that make a rank on a CPU worth its place
_FEWEST = 2  # images of a batch that batch norm needs
_SLURM_PORT = 29400


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_ranks(run: Run, batch_size: int) -> Run:
    """`run`, its device resolved, with numbers for `auto`; the largest batch has `batch_size` images.

    Ranks of a CPU share its cores. Raises UserError where there are more ranks than a batch can have slices,
    or than GPUs.
    """
    if run.device == "cuda":
        found = torch.cuda.device_count()
        workers = found if run.workers == "auto" else run.workers
        if workers > found:
            raise UserError(
                f"parameter 'workers' cannot be {workers}: there are {found} GPUs; allowed: 1 to {found}"
            )
    elif run.workers == "auto":
        workers = max(1, min(cores() // (run.threads or 1), batch_size // LEAST))
    else:
        workers = run.workers
    if workers * hosts_of(run) > max(1, batch_size // _FEWEST):
        raise UserError(
            f"parameter 'workers' cannot be {workers} on {hosts_of(run)} hosts: the largest batch has "
            f"{batch_size} images, and each rank needs {_FEWEST} of them"
        )
    threads = run.threads
    if threads is None and workers > 1 and run.device == "cpu":
        threads = max(1, cores() // workers)
    return run.model_copy(update={"workers": workers, "threads": threads})


def start_ranks(run: Run, folder: Path, *, automatic: bool) -> int:
    """Start the ranks of `run`, as `with_ranks` gave it, and use them from here on; how many there will be.

    What they resume from is in `folder`. `automatic`: nobody said how many. One alone needs nobody. Raises
    UserError where they cannot meet.
    """
    hosts = hosts_of(run)
    assert run.workers != "auto"
    if run.workers == 1 and hosts == 1:
        return 1
    from natv2.ranks.group import RankGroup, Wanted  # of torch's, which takes a second

    ranks = Wanted(
        ranks=run.workers,
        device=run.device,
        threads=run.threads or torch.get_num_threads(),
        folder=folder,
        hosts=hosts,
        rendezvous=meeting_place(run.rendezvous, hosts),
        least=LEAST if automatic and run.device == "cpu" else _FEWEST,
    )
    use(RankGroup(ranks))
    return run.workers * hosts


def hosts_of(run: Run) -> int:
    """How many hosts there are, SLURM's where that is asked for."""
    return int(_slurm("SLURM_JOB_NUM_NODES")) if run.hosts == "slurm" else run.hosts


def meeting_place(rendezvous: str | None, hosts: int) -> Address:
    """Where ranks meet: where it is said, or SLURM's first host; on one host at a port of its own.

    Raises UserError where several hosts have no place.
    """
    if rendezvous is not None:
        try:
            return Address.of(rendezvous)
        except ValueError as error:
            raise UserError(f"parameter 'rendezvous': {error}") from None
    if hosts == 1:
        return HERE
    if "SLURM_JOB_NODELIST" in os.environ:
        port = _SLURM_PORT + int(_slurm("SLURM_JOB_ID")) % 1000
        return Address(first_host(_slurm("SLURM_JOB_NODELIST")), port)
    raise UserError(
        f"hosts={hosts} need rendezvous=HOST:PORT: an address of this host that the others reach, and a free "
        "port"
    )


def first_host(nodes: str) -> str:
    """The first of SLURM's list of hosts, such as node[01-04,07] or a1,b2."""
    found = re.match(r"([^,\[]+)(?:\[(\w+))?", nodes)
    if found is None:
        raise UserError(f"SLURM_JOB_NODELIST={nodes!r} names no host")
    return found[1] + (found[2] or "")


def _slurm(name: str) -> str:
    if name not in os.environ:
        raise UserError(f"hosts=slurm needs a job of SLURM: {name} is not in the environment")
    return os.environ[name]
