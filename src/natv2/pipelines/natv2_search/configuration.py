"""What a person may set of a search, as the configurations of its parts."""

from collections.abc import Collection, Sequence
from hashlib import blake2b

from natv2.costs.latency import LatencyConfig
from natv2.devices import Precision, resolve_device
from natv2.images.image_set import ImageSplits
from natv2.objectives.constraint_config import ConstraintParameters
from natv2.objectives.constraints import UNCONSTRAINED, Constraints
from natv2.search.adaptation.training import AdaptationConfig
from natv2.search.config import SearchParameters
from natv2.search.predictors.table import AUTO, PREDICTORS
from natv2.search.search import SearchConfig
from natv2.supernets.checkpoint import Checkpoint
from natv2.training.optimiser import OptimiserConfig


def asks_for_latency(objectives: Collection[str], constraints: ConstraintParameters) -> bool:
    """Whether networks are judged by their latency."""
    return "latency" in objectives or constraints.max_latency is not None


def configure_latency(search: SearchParameters, threads: int | None, device: str) -> LatencyConfig:
    """How latency is measured."""
    return LatencyConfig(
        device=resolve_device(device).type,
        threads=search.latency.threads or threads,
        batch=search.latency.batch,
        warm_up=search.latency.warm_up,
        repetitions=search.latency.repetitions,
    )


def configure_search(
    search: SearchParameters,
    objectives: tuple[str, ...],
    seed: int,
    constraints: Constraints = UNCONSTRAINED,
) -> SearchConfig:
    """What determines the search."""
    return SearchConfig(
        objectives=objectives,
        sampling=search.sampling,
        growth=search.growth,
        archive_size=search.archive_size,
        pre_processing=search.pre_processing,
        turns=search.turns,
        patience=search.patience,
        candidates=search.candidates,
        proposal=search.proposal,
        top=search.top,
        population=search.population,
        generations=search.generations,
        predictors={
            name: PREDICTORS[name](folds=search.folds)
            for name in (AUTO if search.predictor == "auto" else (search.predictor,))
        },
        features=search.features,
        distributions=search.distributions,
        seed=seed,
        constraints=constraints,
    )


def configure_warm_up(
    search: SearchParameters, epochs: int, seed: int, precision: Precision
) -> AdaptationConfig:
    """How the largest networks, then the supernets are trained before the search."""
    warm_up = search.warm_up
    return _training(search, warm_up.lr, epochs, warm_up.subnets, seed, precision)


def configure_adaptation(search: SearchParameters, seed: int, precision: Precision) -> AdaptationConfig:
    """How the supernets are trained in all turns: one schedule over them (facts, section 5)."""
    adaptation, epochs = search.adaptation, search.turns * search.adaptation.epochs
    return _training(search, adaptation.lr, epochs, adaptation.subnets, seed, precision)


def settings_digest(
    search: SearchParameters,
    constraints: ConstraintParameters,
    supernets: Sequence[Checkpoint],
    images: ImageSplits,
) -> str:
    """Tells searches of one preset apart whose other settings or images differ, or what they start from."""
    begun = [
        sorted((name, str(v)) for name, v in each.origin.items() if name not in ("probes", "search", "seed"))
        for each in supernets
    ]
    seen = (len(images.train), len(images.valid), images.augmentation)
    what = (search.model_dump_json(), constraints.model_dump_json(), begun, seen)
    return blake2b(repr(what).encode(), digest_size=4).hexdigest()


def _training(
    search: SearchParameters, lr: float, epochs: int, subnets: int, seed: int, precision: Precision
) -> AdaptationConfig:
    optimiser = OptimiserConfig(
        learning_rate=lr,
        epochs=epochs,
        momentum=search.momentum,
        weight_decay=search.weight_decay,
        max_gradient_norm=search.max_gradient_norm,
        precision=precision,
    )
    return AdaptationConfig(
        optimiser=optimiser,
        batch_size=search.batch_size,
        subnets=subnets,
        kd_ratio=search.kd_ratio,
        exit_weights=search.exit_weights,
        calibration_images=search.calibration.images,
        calibration_batch_size=search.calibration.batch_size,
        seed=seed,
    )
