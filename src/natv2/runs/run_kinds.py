"""How runs are called in MLflow: by what tells them apart, and as which kind of run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from natv2.images.loading import set_name
from natv2.objectives.metric import Metric, said
from natv2.objectives.objectives import ACCURACY
from natv2.runs.naming import source_name
from natv2.runs.parameters import Parameters

_COMMON = "_OFAMobileNetV3"


@dataclass(frozen=True)
class RunKind:
    """What a pipeline's runs are called first, what of their parameters follows, and the tag `kind`.

    `tagged`: what else they have tags of. What plays no part in a run would only group it wrongly.
    """

    word: str
    kind: str
    named: tuple[str, ...]
    tagged: tuple[str, ...] = ()


_SEARCH = ("preset", "supernet", "images", "objectives", "seed"), ("source", "schedule", "teacher", "metric")
_TRAINING = (("supernet", "source", "schedule", "teacher", "seed"),)
_CLASSIC = (("network", "weights", "dataset", "scenario", "seed"),)

KINDS: Mapping[str, RunKind] = MappingProxyType(
    {
        "__default__": RunKind("journey", "journey", *_SEARCH),
        "images": RunKind("images", "look", ("dataset",)),
        "import_ofa": RunKind("import", "training", ("supernet", "source")),
        "ofav2_eps": RunKind("supernet", "training", *_TRAINING),
        "natv2_search": RunKind("search", "search", *_SEARCH),
        "baselines": RunKind("plain", "baselines", *_SEARCH),
        "postprocess": RunKind("finish", "finishing", *_SEARCH),
        "export": RunKind("export", "export", *_SEARCH),
        "aep": RunKind("aep", "training", *_CLASSIC),
        "aep_export": RunKind("export aep", "export", *_CLASSIC),
        "postprocess_study": RunKind("study of finishing", "study", *_SEARCH),
        "predictor_study": RunKind("study of predictors", "study", *_SEARCH),
        "rank_study": RunKind("study of ranks", "study", *_SEARCH),
        "ofav2_plan": RunKind("plan of supernet", "plan", *_TRAINING),
        "natv2_plan": RunKind("plan of search", "plan", *_SEARCH),
        "ofav2_compare": RunKind("compare supernets", "comparison", ("source",)),
        "natv2_compare": RunKind("compare searches", "comparison", ("source",)),
        "aep_compare": RunKind("compare aep", "comparison", ()),
    }
)


def run_kind(pipeline: str) -> RunKind:
    """That of `pipeline`, by its name; of one's own or of several together, a row with its name."""
    return KINDS.get(pipeline, RunKind(pipeline, "other", *_SEARCH))


def run_title(pipeline: str, parameters: Parameters) -> str:
    """Such as: search nat EE_D eurosat→cifar10 acc+macs s0."""
    kind = run_kind(pipeline)
    return " ".join([kind.word, *(_WORDS[name](parameters) for name in kind.named)])


def run_tags(pipeline: str, parameters: Parameters) -> dict[str, str]:
    """What MLflow can filter and group runs by: of the parameters, those that say what this run is."""
    kind = run_kind(pipeline)
    names = ["dataset" if name == "images" else name for name in (*kind.named, *kind.tagged)]
    tags = {"pipeline": pipeline, "kind": kind.kind}
    for name in names:
        tags |= _TAGS[name](parameters) if name in _TAGS else {name: str(getattr(parameters, name))}
    return tags


def _target(parameters: Parameters) -> str:
    return set_name(parameters.dataset, parameters.target_place())


def _images(parameters: Parameters) -> str:
    source, target = source_name(parameters), _target(parameters)
    return target if source == target else f"{source}→{target}"


_ACCURACY: Mapping[Metric, str] = MappingProxyType({"top1": "acc", "macro": "macro"})

_WORDS: Mapping[str, Callable[[Parameters], str]] = MappingProxyType(
    {
        "preset": lambda parameters: parameters.preset,
        "supernet": lambda parameters: parameters.supernet.removesuffix(_COMMON),
        "images": _images,
        "source": source_name,
        "dataset": _target,
        "objectives": lambda parameters: "+".join(
            _ACCURACY[parameters.metric] if name == ACCURACY else name for name in parameters.objectives
        ),
        "schedule": lambda parameters: parameters.schedule,
        "teacher": lambda parameters: f"teacher-{parameters.taught_by}",
        "network": lambda parameters: parameters.network,
        "weights": lambda parameters: parameters.weights,
        "scenario": lambda parameters: parameters.scenario,
        "seed": lambda parameters: f"s{parameters.seed}",
    }
)

_TAGS: Mapping[str, Callable[[Parameters], Mapping[str, str]]] = MappingProxyType(
    {
        "dataset": lambda parameters: {"dataset": _target(parameters)},
        "source": lambda parameters: {"source": source_name(parameters)},
        "objectives": lambda parameters: {"objectives": "+".join(parameters.objectives)},
        "teacher": lambda parameters: {"teacher": parameters.taught_by},
        "metric": lambda parameters: dict(said(parameters.metric)),
    }
)
"""Tags that are not a parameter's value as it is."""
