"""Where a search starts from."""

import logging
from dataclasses import replace

import pytest

from natv2.errors import UserError
from natv2.search.adaptation.start import adapted_supernet, remark_on_teacher
from natv2.supernets.checkpoint import Checkpoint, write_checkpoint
from tests.tiny import shared_supernet


def checkpoint(width: float = 0.1, phase: str = "adaptation", **origin: str) -> Checkpoint:
    supernet = shared_supernet("OFAMobileNetV3", width)
    return Checkpoint.of(supernet, classes=tuple("abcd"), phase=phase, origin=origin)


@pytest.fixture
def folder(tmp_path):
    for name, width, version in (("narrow", 0.1, "1"), ("wide", 0.2, "1"), ("narrow", 0.1, "2")):
        path = tmp_path / name / "adapted_supernet.safetensors" / version / "adapted_supernet.safetensors"
        write_checkpoint(path, checkpoint(width, f"{name} {version}"))
    return tmp_path


def test_the_newest_adapted_supernet_of_the_same_width_is_found(folder):
    assert adapted_supernet(folder, checkpoint(0.1)).phase == "narrow 2"
    assert adapted_supernet(folder, checkpoint(0.2)).phase == "wide 1"


def test_a_folder_without_one_is_refused(folder, tmp_path):
    like = checkpoint(0.1)
    for wrong in (replace(like, width=0.3), replace(like, design=replace(like.design, kernels=(3, 5)))):
        with pytest.raises(UserError, match=r"search\.init_from=.*no adapted supernet.*3 others"):
            adapted_supernet(folder, wrong)
    with pytest.raises(UserError, match="0 others"):
        adapted_supernet(tmp_path / "nothing", like)


@pytest.mark.parametrize(
    ("trained", "asked", "said"),
    [
        ("fixed", "progressive", True),
        ("progressive_guarded", "fixed", True),
        ("fixed", "fixed", False),
        ("none", "fixed", True),
    ],
)
def test_another_teacher_is_remarked_on(trained, asked, said, caplog):
    with caplog.at_level(logging.WARNING):
        remark_on_teacher(checkpoint(teacher=trained), asked)
    assert bool(caplog.records) == said


def test_another_schedule_is_remarked_on(caplog):
    remark_on_teacher(checkpoint(teacher="none", schedule="sandwich"), "fixed")
    assert "was trained by schedule=sandwich, without a teacher" in caplog.text
    caplog.clear()
    remark_on_teacher(checkpoint(teacher="fixed", schedule="eps"), "fixed")
    assert not caplog.records


def test_a_schedule_that_was_asked_for_is_not(caplog):
    remark_on_teacher(checkpoint(teacher="none", schedule="random"), "progressive", "random")
    assert not caplog.records
    remark_on_teacher(checkpoint(teacher="none", schedule="eps"), "progressive", "eps")
    remark_on_teacher(checkpoint(teacher="none", schedule="sandwich"), "progressive", "random")
    assert len(caplog.records) == 2
