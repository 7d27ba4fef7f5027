"""Plain networks tested, image by image."""

import numpy as np
import pytest
import torch

from natv2.baselines.plain import PlainClassifier, PlainHeader, untaught
from natv2.baselines.resnet import resnet20
from natv2.baselines.results import tested_baselines as results_of
from natv2.costs.config import BatchLatencyConfig
from natv2.costs.network_latency import latency_teller
from natv2.errors import UserError
from natv2.finished_network import StoredNetwork
from natv2.images.batches import evaluation_batches
from natv2.search.latency import NO_TABLE
from natv2.spaces.architecture import constant
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.hooks import costs_by_hooks
from tests.tiny import images_of, shared_supernet, splits

IMAGES = splits(test=20)
LATENCY = BatchLatencyConfig(warm_up=0, repetitions=1, threads=None, batch=2, force=True)


def record(kind: str, teacher: str = "none") -> dict[str, object]:
    return {"kind": kind, "dataset": "tiny", "teacher": teacher, "valid_accuracy": 0.5, "epochs": 3}


KNOWN = {"class_names": IMAGES.class_names, "mean": IMAGES.mean, "std": IMAGES.std}


def plain(teacher: str = "none", seed: int = 0) -> StoredNetwork:
    header = PlainHeader(network="resnet20_050", resolution=20, record=record("plain", teacher), **KNOWN)
    return PlainClassifier.new(header, seed).stored()


def tuned() -> StoredNetwork:
    stored = plain(seed=5)
    header = {
        **stored.header,
        "mean": (0.1, 0.2, 0.3),
        "std": (0.3, 0.2, 0.1),
        "record": record("pretrained"),
    }
    return StoredNetwork(stored.tensors, header)


def own() -> StoredNetwork:
    supernet = shared_supernet("EE_D_OFAMobileNetV3")
    sizes = {"resolution": 16, "width": 0.1, "depth": 2, "kernel": 3, "expand_ratio": 3, "mask": 4}
    architecture = constant(supernet.design, exits=(2,), **sizes)
    statistics = {}
    supernet.record(images_of(8, 3, 16, 16), architecture, statistics)
    header = SubnetHeader(design=supernet.design, architecture=architecture, record=record("random"), **KNOWN)
    return SubnetClassifier(supernet.subnet(architecture, statistics), header).stored()


def table_of(networks, part=IMAGES.test, latency=None, builds=None):
    return results_of(networks, builds or {}, evaluation_batches(IMAGES, part, 7), latency, "cpu")


def test_a_row_says_what_a_network_is_what_it_knows_and_what_it_costs():
    networks = {"one": plain(seed=1), "one_taught": plain("x", seed=2), "random_1M_1": own()}
    table, right = table_of(networks)
    assert table["name"].tolist() == list(networks) == list(right)
    assert table["kind"].tolist() == ["plain", "plain", "random"]
    assert table["plain"].tolist() == [True, True, False]
    assert table["teacher"].tolist() == ["none", "x", "none"]
    assert table["resolution"].tolist() == [20, 20, 16]
    assert table["valid_accuracy"].tolist() == [0.5] * 3 and table["epochs"].tolist() == [3] * 3
    for row, (name, stored) in zip(table.to_dict("records"), networks.items(), strict=True):
        kind = SubnetClassifier if stored.header["kind"] == "network" else PlainClassifier
        classifier = kind.build(stored)
        each = [
            int(classifier(image[None]).argmax()) == label
            for image, label in zip(IMAGES.test.images, IMAGES.test.labels.tolist(), strict=True)
        ]
        assert right[name].tolist() == each
        assert row["test_accuracy"] == pytest.approx(np.mean(each))
        assert (row["params"], row["macs"]) == costs_by_hooks(classifier.network, row["resolution"])
    assert "latency" not in table and "test_macro" not in table


def test_pretrained_ones_are_in_the_table_apart_and_see_images_normalised_their_own_way():
    table, right = table_of({"one": plain(seed=1), "one_tuned": tuned()})
    assert table["kind"].tolist() == ["plain", "pretrained"] and table["plain"].tolist() == [True, False]
    classifier = PlainClassifier.build(tuned())
    expected = classifier(IMAGES.test.images).argmax(dim=1) == IMAGES.test.labels
    assert right["one_tuned"].tolist() == expected.tolist()


def test_latency_and_macro_accuracy_are_told_where_they_are_asked_for():
    unequal = IMAGES.test.subset(torch.tensor([0, 1, 5, 9, 13, 17]))
    table, right = table_of({"one": plain(seed=1)}, unequal, latency_teller(NO_TABLE, LATENCY, "cpu"))
    labels = unequal.labels.numpy()
    macro = np.mean([right["one"][labels == label].mean() for label in (0, 1)])
    assert table["test_macro"].tolist() == [pytest.approx(macro)]
    assert table["latency"].tolist()[0] > 0
    batches = evaluation_batches(IMAGES, unequal, 7)
    by_macro, _ = results_of({"one": plain(seed=1)}, {}, batches, None, "cpu", "macro")
    assert by_macro["test_accuracy"].tolist() == [pytest.approx(macro)]
    assert by_macro["test_top1"].tolist() == table["test_accuracy"].tolist() == [right["one"].mean()]
    assert by_macro["metric"].tolist() == ["macro"] and "metric" not in table


def test_no_network_is_a_table_too():
    table, right = table_of({})
    assert table.empty and right == {}
    assert table[table["plain"]].empty


def test_teachers_are_plain_and_not_taught_themselves():
    networks = {"one": plain(), "one_taught": plain("x"), "random_1M_1": own(), "one_tuned": tuned()}
    assert list(untaught(networks, {})) == ["one"]


def test_networks_of_a_person_s_own_are_built_by_what_the_person_names_and_by_no_file():
    stored = plain(seed=1)
    mine = StoredNetwork(stored.tensors, {**stored.header, "network": "own.package:build"})
    networks, builds = (
        {"mine": mine, "one": stored},
        {"own.package:build": lambda classes: resnet20(classes, 0.5)},
    )
    table, right = table_of(networks, builds=builds)
    assert table["name"].tolist() == ["mine", "one"] and table["plain"].all()
    assert right["mine"].tolist() == right["one"].tolist()
    assert list(untaught(networks, builds)) == ["mine", "one"]
    for refused in (table_of, lambda given: untaught(given, {})):
        with pytest.raises(UserError, match=r"'own\.package:build' is not one of natv2's") as error:
            refused(networks)
        assert "\n" not in error.value.message
