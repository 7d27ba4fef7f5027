"""A finished network is used with torch and safetensors alone: nothing heavy loads before it is needed."""

import json
import subprocess
import sys

import torch

from natv2.finished_network import _MODULES, Classifier, classifier_type
from natv2.spaces.architecture import constant
from natv2.supernets.classifier import SubnetClassifier, SubnetHeader
from tests.tiny import images_of, shared_supernet, splits

HEAVY = ("sklearn", "pandas", "scipy", "torchvision", "kedro", "mlflow", "lightgbm", "pymoo", "plotly")

USE = f"""
import json, sys
import natv2
assert "torch" not in sys.modules
classifier = natv2.load_network(sys.argv[1])
import torch
logits = classifier(torch.full((1, 3, 40, 30), 100, dtype=torch.uint8))
print(json.dumps([logits.argmax().item(), [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def test_a_finished_network_is_used_without_anything_heavy(tmp_path):
    supernet = shared_supernet("EE_D_OFAMobileNetV3")
    sizes = {"resolution": 16, "width": 0.1, "depth": 2, "kernel": 3, "expand_ratio": 3, "mask": 4}
    architecture = constant(supernet.design, exits=(2,), **sizes)
    statistics = {}
    supernet.record(images_of(8, 3, 16, 16), architecture, statistics)
    images = splits()
    known = {"class_names": images.class_names, "mean": images.mean, "std": images.std}
    header = SubnetHeader(design=supernet.design, architecture=architecture, **known)
    classifier = SubnetClassifier(supernet.subnet(architecture, statistics), header)
    classifier.stored().write(tmp_path / "network.safetensors")
    command = [sys.executable, "-c", USE, str(tmp_path / "network.safetensors")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    image = torch.full((1, 3, 40, 30), 100, dtype=torch.uint8)
    said, loaded = json.loads(done.stdout)
    assert loaded == [] and said == classifier.eval()(image).argmax().item()


def test_each_kind_is_found_where_the_table_says():
    for kind, module in _MODULES.items():
        found = classifier_type(kind)
        assert found is not None and issubclass(found, Classifier)
        assert (found.kind, found.__module__) == (kind, module)
    assert classifier_type("another") is None and classifier_type(["a list"]) is None
