"""Ranks that die, fail, fall silent or find a loss that is not finite: one sentence, and nobody is left."""

import logging
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import torch
from torch import Tensor, nn

from natv2.errors import UserError
from natv2.images.batches import Batch, Epochs
from natv2.ranks import watch
from natv2.ranks.together import together
from natv2.ranks.world import world
from natv2.training.loop import fit
from natv2.training.schedule import RateSchedule
from natv2.training.state_store import StateStore
from tests.ranks.group_of import ranks, this
from tests.tiny import Optimiser, splits

IMAGES = splits(train=40)


def workers() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if "natv2.ranks.worker" in " ".join(each.cmdline())
    ]


def killed() -> None:
    if world().rank == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    world().sum(torch.ones(3))


def failing() -> None:
    if world().rank == 1:
        raise ValueError("no such\nimage")
    world().sum(torch.ones(3))


def silent() -> None:
    if world().rank == 2:
        os.kill(os.getpid(), signal.SIGSTOP)
    world().sum(torch.ones(3))


def told() -> None:
    import logging
    import warnings

    if world().rank > 0:
        logging.getLogger("natv2").warning("short of %s", "time")
        warnings.warn("an odd value", stacklevel=1)
        logging.getLogger("natv2").info("not of interest")


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (killed, r"rank 2 on \S+ was ended by SIGKILL, as by a system that is out of memory; give the same"),
        (failing, r"rank 1 on \S+: no such image; give the same command again to resume"),
        (silent, r"rank 2 on \S+ has not been heard of for 2 s; give the same command again"),
    ],
)
def test_a_lost_rank_ends_the_work_with_one_sentence_and_nobody_is_left(
    function, sentence: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "BEAT_S", 0.5)
    monkeypatch.setattr(watch, "SILENCE_S", 2.0 if function is silent else 60.0)
    with ranks(this(__name__)):
        with pytest.raises(UserError, match=sentence):
            together(function)
        assert not workers()


def test_a_rank_that_dies_while_ranks_connect_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("natv2.ranks.group.joined", lambda *_: time.sleep(60))
    with ranks(this(__name__)):
        while not workers():
            time.sleep(0.05)
        workers()[0].kill()
        with pytest.raises(UserError, match=r"rank \d on \S+ was ended by SIGKILL.*; the run has not begun"):
            together(killed)


def test_bars_of_others_are_told_where_none_moves(caplog: pytest.LogCaptureFixture, monkeypatch) -> None:
    caplog.set_level("INFO", "natv2")
    with ranks(this(__name__), ranks=2) as group:
        group.ready()
        for moving in (True, False):
            monkeypatch.setattr("natv2.ranks.watch.is_moving", lambda moving=moving: moving)
            for text in ("epoch", "best"):
                sent = {
                    "rank": 1,
                    "level": logging.INFO,
                    "text": f"{text} {moving}",
                    "of_a_bar": text == "epoch",
                }
                group._watch._hand_on(sent)
    own = [record.getMessage() for record in caplog.records if record.name == "natv2"]
    assert own == ["best True", "epoch False", "best False"]


def test_what_others_say_arrives_once_with_their_rank(caplog: pytest.LogCaptureFixture):
    with ranks(this(__name__)):
        together(told)
    lines = [record.getMessage() for record in caplog.records if "short of" in record.getMessage()]
    assert len(lines) == 1 and lines[0].startswith("rank ") and lines[0].endswith(": short of time")
    assert sum("an odd value" in record.getMessage() for record in caplog.records) == 1
    assert "not of interest" not in caplog.text
    assert not workers()


class Breaking(nn.Module):
    """A network whose loss is not finite on one rank in the second epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def step(self, batch: Batch, epoch: int, index: int) -> Tensor:
        loss = self.layer(batch.at(16).mean(dim=(2, 3))).square().mean()
        if world().rank == 1 and epoch == 1:
            loss = loss * float("nan")
        loss.backward()
        return loss.detach()


def test_a_loss_that_is_not_finite_says_on_which_rank(tmp_path: Path):
    module = Breaking()
    with (
        ranks(this(__name__)),
        pytest.raises(UserError, match=r"the loss is nan on rank 1 on \S+ at epoch 2, step 1"),
    ):
        fit(
            module,
            module.step,
            Epochs(IMAGES, IMAGES.train, 10, 0, "test"),
            optimiser=Optimiser(),
            schedule=RateSchedule(lr=0.05, epochs=3),
            precision="fp32",
            store=StateStore(tmp_path, "test"),
        )
    state = StateStore(tmp_path).load("loop")
    assert state is not None and len(state.values["history"]) == 1
