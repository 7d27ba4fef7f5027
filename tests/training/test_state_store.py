import os

import pytest
import torch

from natv2.errors import UserError
from natv2.training.state_store import State, StateStore


def tensors_of(state: State) -> dict[str, list[float]]:
    return {name: tensor.tolist() for name, tensor in state.tensors.items()}


def test_what_was_saved_is_loaded(tmp_path):
    store = StateStore(tmp_path / "attempt")
    assert store.load("loop") is None
    store.save("loop", State(tensors={"a": torch.arange(3.0)}, values={"history": [{"loss": 0.1}]}))
    store.save("other", State(values={"done": True}))
    state = StateStore(tmp_path / "attempt").load("loop")
    assert tensors_of(state) == {"a": [0.0, 1.0, 2.0]}
    assert state.values == {"history": [{"loss": 0.1}]}
    store.save("loop", State(values={"history": []}))
    assert store.load("loop") == State(values={"history": []})
    assert store.load("other").values == {"done": True}


def test_children_have_stores_of_their_own(tmp_path):
    seen = []
    root = StateStore(tmp_path, tracker=lambda metrics, step: seen.append((metrics, step)))
    node, other = root.child("narrow").child("kernel"), root.child("wide").child("kernel")
    assert (node.name, other.name) == ("narrow.kernel", "wide.kernel")
    node.save("loop", State(values={"done": 1}))
    assert other.load("loop") is None
    assert root.load("loop") is None
    node.track({"loss": 0.5, "top1": 0.9}, 3)
    assert seen == [({"narrow.kernel/loss": 0.5, "narrow.kernel/top1": 0.9}, 3)]


def test_what_is_remembered_is_computed_once(tmp_path):
    computed = []

    def compute() -> State:
        computed.append(1)
        return State(values={"value": 7})

    for _ in range(3):
        assert StateStore(tmp_path).remembered("value", compute).values == {"value": 7}
    assert computed == [1]


def test_values_that_json_cannot_hold_are_refused_and_the_old_kept(tmp_path):
    store = StateStore(tmp_path)
    store.save("loop", State(values={"done": 1}))
    with pytest.raises(TypeError):
        store.save("loop", State(values={"done": object()}))
    assert store.load("loop").values == {"done": 1}


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_stop_while_saving_leaves_the_last_state(tmp_path, monkeypatch, broken):
    store = StateStore(tmp_path)
    store.save("loop", State(tensors={"a": torch.zeros(2)}, values={"done": 1}))

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, broken, stop)
    with pytest.raises(KeyboardInterrupt):
        store.save("loop", State(tensors={"a": torch.ones(2)}, values={"done": 2}))
    monkeypatch.undo()
    state = store.load("loop")
    assert (tensors_of(state), state.values) == ({"a": [0.0, 0.0]}, {"done": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["loop.safetensors"]


def test_a_damaged_state_is_named(tmp_path):
    store = StateStore(tmp_path)
    store.save("loop", State(tensors={"a": torch.zeros(100)}))
    path = tmp_path / "loop.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"loop\.safetensors is not a whole"):
        store.load("loop")
