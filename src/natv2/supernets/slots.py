"""Pieces of networks without tensors of their own: while they run, a supernet's take their places."""

from collections.abc import Mapping

from torch import Tensor, nn

from natv2.nn.layers import track_statistics


class Slots:
    """A module without memory, and where its tensors stand: looked up once, not at each call.

    `torch.func.functional_call` looks each of them up at every call, which takes a third as long as a
    forward pass of small images (docs/performance.md).
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.shapes = {name: weight.shape for name, weight in module.named_parameters()}
        self.buffers = dict(module.named_buffers())
        self._places: dict[str, tuple[dict[str, Tensor | None], str]] = {}
        for path, layer in module.named_modules():
            for tensors in (layer._parameters, layer._buffers):
                for name in tensors:
                    self._places[f"{path}.{name}" if path else name] = (tensors, name)
        self._own = {name: tensors[key] for name, (tensors, key) in self._places.items()}
        self._norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
        track_statistics(module, False)

    def fill(self, tensors: Mapping[str, Tensor], *, training: bool, recording: bool) -> None:
        """Put `tensors` into their places, by their names in the module.

        `training`: batch norms use what they see; `recording`: they average it into what they are given.
        """
        if self.module.training != training:
            self.module.train(training)
        if self._norms and self._norms[0].track_running_stats != recording:
            track_statistics(self.module, recording)
        for name, tensor in tensors.items():
            places, key = self._places[name]
            places[key] = tensor

    def empty(self) -> None:
        """Let go of what was put in."""
        for name, (places, key) in self._places.items():
            places[key] = self._own[name]
