"""The images of a run in MLflow."""

import json

from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient

from natv2.catalog.images import ImagesDataset
from natv2.runs.mlflow_datasets import images_read
from natv2.runs.tracking import start_tracking


def test_images_are_mlflow_data_sets_with_their_fingerprint(toy, tmp_path):
    images = ImagesDataset(name="digits", raw=str(tmp_path), store=str(tmp_path / "store"))
    catalog = DataCatalog({"target_images": images})
    read = images_read(Pipeline([Node(len, "target_images", "number", name="count")]), catalog)
    run = start_tracking(toy.root, run_id=None, name="images", parameters={}, tags={})
    run.read(read)
    run.read(read)  # a resumed run
    run.end("FINISHED")
    (found,) = MlflowClient(f"sqlite:///{toy.root / 'mlflow.db'}").get_run(run.id).inputs.dataset_inputs
    look = images.load().report
    assert (found.dataset.name, found.dataset.digest) == ("digits", look.fingerprint[:12])
    assert json.loads(found.dataset.source)["fingerprint"] == look.fingerprint
    profile = json.loads(found.dataset.profile)
    assert profile == {"images_train": 1149, "images_valid": 288, "images_test": 360, "classes": 10}
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "target")]
