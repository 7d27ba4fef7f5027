"""What each method of post-processing means for a network."""

from dataclasses import replace

import pytest

from natv2.postprocess.methods import METHODS, FoundWay, plan_postprocessing
from natv2.spaces.architecture import constant
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.configs import parameters
from tests.designs import DESIGNS
from tests.tiny import images_of, shared_supernet

CONFIG = parameters(postprocess={"exit_weighting": "UNIF"}).postprocess


def found(name: str, exit: int):
    design = DESIGNS[name]
    return constant(
        design,
        resolution=16,
        width=0.1,
        exits=(exit,),
        depth=2,
        kernel=3,
        expand_ratio=3,
        mask=design.masks[0],
    )


def planned(method, name="EE_D_OFAMobileNetV3", exit=3, optimizer="auto"):
    thesis = CONFIG.thesis.model_copy(update={"optimizer": optimizer})
    config = CONFIG.model_copy(update={"recipe": "thesis", "thesis": thesis})
    return plan_postprocessing(method, found(name, exit), DESIGNS[name], config)


def test_an_ensemble_takes_back_all_exits_above_the_found_one():
    plan = planned("aep")
    assert plan.architecture.exits == (1, 2, 3)
    assert plan.architecture.path == found("EE_D_OFAMobileNetV3", 3).path
    assert (plan.method, plan.remark) == ("aep", "")
    assert plan.to_dict()["exit_weighting"] == "UNIF"


@pytest.mark.parametrize(("name", "exit"), [("EE_B_OFAMobileNetV3", 1), ("OFAMobileNetV3", 5)])
def test_where_there_is_none_it_says_so_and_is_finished_by_itself(name, exit):
    plan = planned("aep", name, exit)
    assert plan.architecture == found(name, exit)
    assert (plan.method, plan.remark) == ("standard", "no exit above it to take back")
    assert "exit_weighting" not in plan.to_dict()


def test_the_optimiser_is_the_one_that_the_thesis_found_best():
    assert planned("standard", "OFAMobileNetV3", 5).config.optimizer == "sgd"
    assert planned("standard").config.optimizer == planned("aep").config.optimizer == "adamw"
    assert planned("aep", optimizer="ranger").config.optimizer == "ranger"
    assert "optimizer" not in planned("none").to_dict()
    assert METHODS["both"] == ("standard", "aep")


def test_a_finished_ensemble_gives_the_weighted_logits_of_the_supernets_exits():
    supernet, plan = shared_supernet("EE_D_OFAMobileNetV3"), planned("aep")
    statistics = {}
    supernet.record(images_of(8, 3, 16, 16), plan.architecture, statistics)
    weights = (0.5, 0.3, 0.2)
    header = SubnetHeader(
        design=supernet.design.to_dict(),
        architecture=plan.architecture.to_dict(),
        class_names=tuple("abcd"),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        weights=weights,
    )
    network = supernet.subnet(plan.architecture, statistics)
    loaded = SubnetClassifier.build(SubnetClassifier(network, header).stored())
    images = images_of(4, 3, 16, 16, seed=1).sigmoid()
    each = supernet(images, plan.architecture, statistics)
    expected = sum(weight * logits for weight, logits in zip(weights, each, strict=True))
    assert loaded(images).sub(expected).abs().max() < 1e-5


def test_exits_that_the_search_has_chosen_are_kept_and_no_others_are_taken_back():
    way = FoundWay.of({"exit_weighting": "ASC", "leaving": 0.5})
    several = replace(found("EE_D_OFAMobileNetV3", 4), exits=(2, 4))
    plan = plan_postprocessing("aep", several, DESIGNS["EE_D_OFAMobileNetV3"], CONFIG, way)
    assert (plan.architecture, plan.method, plan.way) == (several, "standard", way)
    assert plan.to_dict()["kept"] == "2-4" and plan.to_dict()["leaving"] == 0.5
    as_found = plan_postprocessing("none", several, DESIGNS["EE_D_OFAMobileNetV3"], CONFIG, way)
    assert as_found.exit_weighting == "ASC"
    assert FoundWay.of({"exit_weighting": None, "leaving": float("nan")}) is None
    assert FoundWay.of({"exit_weighting": "DESC", "leaving": float("nan")}) == ("DESC", None)
