import pytest
import torch
from torch.onnx._internal.exporter import _registration

from natv2.export import translations
from natv2.export.graph import network_graph
from natv2.export.translations import kept_translations

REGISTRY = _registration.ONNXRegistry


def graph() -> bytes:
    layers = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.Hardswish()).eval()
    torch.nn.init.constant_(layers[0].weight, 0.5)
    torch.nn.init.constant_(layers[0].bias, 0.1)
    return network_graph(layers, torch.zeros(2, 2, 5, 5)).SerializeToString(deterministic=True)


def test_the_table_is_made_once_and_graphs_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = vars(REGISTRY)["from_torchlib"], []

    def counted(cls, **options):
        asked.append(options)
        return made.__get__(None, cls)(**options)

    monkeypatch.setattr(translations, "_TABLES", {})
    monkeypatch.setattr(REGISTRY, "from_torchlib", classmethod(counted))
    first, second = graph(), graph()
    assert len(asked) == 1
    monkeypatch.setattr(translations, "_TABLES", {})  # a table that no export has used
    assert first == second == graph()


def test_torch_is_left_as_it_was_found() -> None:
    before = vars(REGISTRY)["from_torchlib"]
    with pytest.raises(ZeroDivisionError), kept_translations():
        assert vars(REGISTRY)["from_torchlib"] is not before
        _ = 1 / 0
    assert vars(REGISTRY)["from_torchlib"] is before


def test_a_torch_that_has_it_elsewhere_exports_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with_table = graph()
    monkeypatch.setattr(translations, "_TABLES", {})
    monkeypatch.delattr("torch.onnx._internal.exporter._registration")
    with kept_translations():
        pass
    assert not translations._TABLES
    monkeypatch.undo()
    assert graph() == with_table
