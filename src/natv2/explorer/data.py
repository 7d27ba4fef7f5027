"""What the explorer's page is given: one frozen model, which becomes its JSON."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FORMAT = 1
"""Of the JSON: a page says so where the file that is dropped on it has another one."""


class Shown(BaseModel):
    """Values that the page shows; what is not known is None, and not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measure(Shown):
    """What networks can be drawn by: a column of values.

    `format` is how the page writes a value, `split` the images that a share was counted on.
    """

    name: str
    title: str
    better: Literal["more", "less"]
    format: Literal["percent", "amount", "number", "bytes"]
    unit: str = ""
    split: Literal["valid", "test"] | None = None


class Architecture(Shown):
    """One network of a supernet; lists are texts joined by "-", as tables have them, 0 where nothing is."""

    resolution: int
    width: float
    exits: tuple[int, ...]
    depths: str
    kernels: str
    expand_ratios: str
    masks: str


class NetworkFile(Shown):
    """A file, seen from the project's folder, and the SHA-256 that its run recorded."""

    path: str
    bytes: int
    sha256: str | None = None


class Gain(Shown):
    """By how much a network is better than the best other one of at most its `cost`: fractions, 95 %."""

    cost: str
    over: str | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None


class Finished(Shown):
    """What is known of a finished network beside its values.

    `recalls` has the share of right answers of each class, None where it has no test images. `detail` is
    what `natv2.postprocess.detail` gives, `exported` are rows of the table of exports.
    """

    record: Mapping[str, Any] = {}
    before: Mapping[str, float] = {}
    gains: tuple[Gain, ...] = ()
    recalls: tuple[float | None, ...] = ()
    calibration_error: float | None = None
    calibration_error_uncorrected: float | None = None
    temperature: float | None = None
    latency_spread: float | None = None
    latency_of: str | None = None
    meets_constraints: bool | None = None
    detail: Mapping[str, Any] | None = None
    exported: tuple[Mapping[str, Any], ...] = ()


class Network(Shown):
    """A network on the page; `values` by the names of measures.

    `parts` are parameters and MACs of the stem, each stage, and the heads. `found` is the number of the
    network of the archive that was finished.
    """

    kind: Literal["found", "finished", "plain"]
    name: str
    values: Mapping[str, float]
    architecture: Architecture | None = None
    parts: tuple[tuple[int, int], ...] | None = None
    predicted: float | None = None
    turn: int | None = None
    label: str | None = None
    front: bool = False
    high_tradeoff: bool = False
    found: int | None = None
    family: str | None = None
    file: NetworkFile | None = None
    finished: Finished | None = None


class Images(Shown):
    """The images that the search was for; `tested` of each class, in the order of `classes`."""

    name: str
    title: str = ""
    fingerprint: str = ""
    train: int
    valid: int
    test: int
    classes: tuple[str, ...]
    tested: tuple[int, ...] = ()


class Volume(Shown):
    """The hypervolume at the end, and the box that it is measured in (errors and costs, minimised)."""

    value: float
    ideal: tuple[float, ...]
    reference: tuple[float, ...]


class Predictor(Shown):
    """Kendall's tau of the last turn's predictor, cross-validated, with its interval."""

    name: str
    tau: float
    low: float | None = None
    high: float | None = None


class Explored(Shown):
    """A search and what became of it.

    `axes` are drawn at first, cost and accuracy. `limits` are the search's own constraints, by measures.
    `beside` are gains over other kinds of networks, by kind and then by finished network. `commands` have
    {macs} or {file} where the page puts a network's. `versions` are those of the entries that were read;
    `remarks` say what is left out.
    """

    format: int = FORMAT
    title: str
    search: Mapping[str, Any]
    images: Images | None = None
    measures: tuple[Measure, ...]
    axes: tuple[str, str]
    limits: Mapping[str, float] = {}
    blocks: Mapping[str, int] = {}
    hypervolume: Volume | None = None
    predictor: Predictor | None = None
    turns: int = 0
    verdict: str = ""
    beside: Mapping[str, Mapping[str, tuple[Gain, ...]]] = {}
    networks: tuple[Network, ...]
    commands: Mapping[str, str] = {}
    versions: Mapping[str, str] = {}
    remarks: tuple[str, ...] = ()
