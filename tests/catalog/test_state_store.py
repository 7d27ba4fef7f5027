from natv2.catalog.state_store import StateStoreDataset
from natv2.training.state_store import State


def test_the_store_is_in_the_folder_of_the_open_attempt(tmp_path):
    data = StateStoreDataset(filepath=str(tmp_path))
    assert data.exists()
    assert data.load().folder == tmp_path
    data.folder = tmp_path / "attempt"
    data.load().child("node").save("epoch", State(values={"done": 1}))
    assert (tmp_path / "attempt/node/epoch.safetensors").exists()
    assert data.load().child("node").load("epoch").values == {"done": 1}
