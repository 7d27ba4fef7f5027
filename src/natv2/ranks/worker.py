"""A rank beside the first: it waits for what rank 0 hands it, does it with the others, and waits again.

Started by an agent as `python -m natv2.ranks.worker`; the agent's environment says where rank 0 is.
"""

import logging
import os
import sys
import threading
import time
from contextlib import suppress

import torch

from natv2.bar import quiet
from natv2.disk import what_to_do
from natv2.errors import UserError
from natv2.ranks.agent import KEY
from natv2.ranks.collectives import GroupWorld, RankLostError
from natv2.ranks.control import Address, Control
from natv2.ranks.joining import Plan, joined
from natv2.ranks.shipping import Parcels
from natv2.ranks.tracking import send_by
from natv2.ranks.watch import BEAT_S, Sender
from natv2.ranks.world import all_there, within

GONE = 3  # the exit code of a rank that others have left


def main() -> None:
    """Serve until rank 0 says that it is enough, or is gone."""
    address = Address.of(os.environ["NATV2_RENDEZVOUS"])
    take_gpu()
    rank, size = int(os.environ["RANK"]) + 1, int(os.environ["WORLD_SIZE"]) + 1
    control = Control.joined(address)
    threading.Thread(target=_beat, args=(Control.joined(address), rank), daemon=True).start()
    plan = Plan(**control.take("plan"))
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    _speak_through(Sender(Control.joined(address), rank))
    parcels = Parcels(bytes.fromhex(os.environ[KEY]))
    plan.load()
    control.put_first("size", size)
    world = joined(control, plan, rank, size, parcels, all_there)
    number = 0
    with quiet(), within(world), suppress(RankLostError):
        while control.take(f"call/{number}") == "go":
            _call(world, control)
            number += 1
    sys.stdout.flush()
    os._exit(0)  # threads of torch's group may wait for ranks that have gone


def take_gpu() -> None:
    """Let this process see one of its host's GPUs, as cuda:0; before torch looks for them."""
    number = int(os.environ["LOCAL_RANK"]) + int(os.environ["NATV2_FIRST_GPU"])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else []
    os.environ["CUDA_VISIBLE_DEVICES"] = names[number] if number < len(names) else str(number)


def _call(world: GroupWorld, control: Control) -> None:
    """Do with the others what rank 0 hands over."""
    try:
        function, arguments = world.parcels.unpacked(world.shipped(None))
        function(*arguments)
        world.arrived()
    except RankLostError:
        raise
    except Exception as error:
        told = error.message if isinstance(error, UserError) else _what_to_do(error)
        said = told or " ".join(str(error).split()) or type(error).__name__
        try:
            if told is not None:
                control.put("advised", True)
            control.put_first("failure", f"{world.names[world.rank]}: {said}")
        except RuntimeError:  # nobody is there to be told
            os._exit(GONE)
        os._exit(1)


def _what_to_do(error: Exception) -> str | None:
    return what_to_do(error) if isinstance(error, OSError) else None


def _beat(control: Control, rank: int) -> None:
    """Give signs of life; end this process when rank 0 gives none, whatever it waits for."""
    number = 0
    while True:
        try:
            control.put(f"beat/{rank}", number)
        except RuntimeError:
            os._exit(GONE)
        number += 1
        time.sleep(BEAT_S)


def _speak_through(sender: Sender) -> None:
    """Send warnings, errors and metrics to rank 0, and nothing to the terminal that it writes to."""
    logging.basicConfig(handlers=[sender], level=logging.INFO, force=True)
    logging.captureWarnings(True)
    send_by(sender.track)


if __name__ == "__main__":
    main()
