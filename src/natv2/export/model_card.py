"""A network's model card (Markdown): what it is, how good, how it came about, how it is used."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from natv2.export.certificate import expected_logits, pytorch_costs
from natv2.export.comparison import Comparison
from natv2.export.intervals import wilson
from natv2.export.outcome import Outcome
from natv2.export.stages import stops
from natv2.finished_network import Classifier
from natv2.network_facts import accuracy_of
from natv2.printable import printable
from natv2.training.confidence import calibration_error

_MOST_CLASSES = 200  # of which each is told of
_USES: Mapping[str, str] = MappingProxyType(
    {
        ".onnx": (
            "# first: export ORT_DISABLE_TELEMETRY=1, or onnxruntime reports its use to its maker\n"
            'session = onnxruntime.InferenceSession("{file}")\n'
            "# uint8 (N, 3, H, W), RGB\n"
            '(probabilities,) = session.run(["probabilities"], {{"images": images}})'
        ),
        ".pt2": (
            'network = torch.export.load("{file}").module()\n'
            'probabilities = network(images)["probabilities"]  # uint8 (N, 3, H, W), RGB'
        ),
        ".py": "from {module} import classify, load\nprobabilities = classify(load(), images)",
        ".pte": "# android, ios: org.pytorch.executorch, forward(prepared) gives logits and probabilities",
        "run_torch": "from {module} import load\nlogits, exits = load()(images)  # uint8 (N, 3, H, W), RGB",
        "run": "from {module} import Network\nlogits, exit = Network()(image)  # uint8 (H, W, 3), RGB",
    }
)
"""How a file is used, by how its name ends."""


def model_card(name: str, classifier: Classifier, images: Comparison, outcomes: Sequence[Outcome]) -> str:
    """The card of the network called `name`, with what `images` and the certificates say."""
    logits = torch.from_numpy(expected_logits(classifier, images))
    sections = (
        _introduction(name, classifier),
        _accuracy(classifier, images, logits),
        _costs(classifier),
        _origin(classifier),
        _files(outcomes),
        _limits(images),
    )
    return "\n".join(line for section in sections for line in (*section, ""))


def _introduction(name: str, classifier: Classifier) -> Iterator[str]:
    header, count = classifier.header, len(classifier.class_names)
    shown = ", ".join(map(printable, classifier.class_names[:_MOST_CLASSES]))
    yield f"# {name}"
    yield ""
    yield f"An image classifier for {count} classes: {shown}{', ...' if count > _MOST_CLASSES else ''}."
    yield ""
    yield (
        f"It sees RGB images at {classifier.resolution} x {classifier.resolution} pixels (bicubic, "
        f"antialiased); mean {_told(header.mean)} and deviation {_told(header.std)} of pixels in 0..1."
    )
    if header.levels is not None:
        yield f"Images of more than 8 bits: {header.levels}."
    if stops(classifier):
        yield "An image leaves at the first exit that is sure of it."


def _accuracy(classifier: Classifier, images: Comparison, logits: Tensor) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    tested = classifier.header.record.get("test_accuracy")
    if isinstance(tested, float):
        word = accuracy_of(classifier.header.record)
        yield f"{word.capitalize()} {tested:.2%} on test images, which had no part in making it."
        yield ""
    if images.labels is None:
        yield f"Not known here: {printable(images.images)} have no labels."
        return
    right = logits.argmax(dim=1) == images.labels
    low, high = wilson(int(right.sum()), len(right))
    yield (
        f"Top-1 {float(right.double().mean()):.2%} (95 %: {low:.2%} to {high:.2%}) on "
        f"{printable(images.images)}. Where these chose or calibrated the network, other images will be a "
        "little harder."
    )
    if not stops(classifier):  # whose probabilities are those of different ensembles
        temperature = classifier.header.temperature
        before, after = (calibration_error(logits, images.labels, each) for each in (1.0, temperature))
        yield ""
        yield (
            f"Expected calibration error {after:.2%} with its temperature, {temperature:g}; {before:.2%} "
            "without."
        )
    yield ""
    yield from _classes(classifier, images.labels, right)


def _classes(classifier: Classifier, labels: Tensor, right: Tensor) -> Iterator[str]:
    yield "| class | top-1 | 95 % | images |"
    yield "| --- | --- | --- | --- |"
    for number, name in enumerate(classifier.class_names[:_MOST_CLASSES]):
        mine = right[labels == number]
        if len(mine):
            low, high = wilson(int(mine.sum()), len(mine))
            told = f"{float(mine.double().mean()):.1%} | {low:.1%} to {high:.1%}"
            yield f"| {printable(name).replace('|', '/')} | {told} | {len(mine)} |"


def _costs(classifier: Classifier) -> Iterator[str]:
    costs = pytorch_costs(classifier)
    yield "## What it costs"
    yield ""
    yield f"{costs.params:,} parameters; {costs.macs:,} multiply-accumulates an image."
    mean = classifier.header.record.get("mean_macs")
    if isinstance(mean, float):
        yield f"That is of all exits: a test image took {mean:,.0f} on average, for it leaves early."


def _origin(classifier: Classifier) -> Iterator[str]:
    yield "## How it came about"
    yield ""
    yield f"NATv2 made it (a {classifier.kind.replace('_', ' ')}). Its file says:"
    yield ""
    for name, value in classifier.header.record.items():
        if value not in ("", None):
            yield f"* {printable(str(name))}: {printable(str(value))}"


def _files(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "## How to use it"
    yield ""
    yield "Each file has its certificate beside it, as a page (`.md`) and as values (`.json`)."
    for outcome in outcomes:
        if outcome.certificate is None or not outcome.holds:
            continue
        file = outcome.certificate.file
        ending = f".{file.rsplit('.', 1)[-1]}"
        if any(".stage_1." in name for name in outcome.certificate.files):  # and a runner of them
            ending = "run_torch" if outcome.format == "torch_export" else "run"
        yield ""
        yield f"`{file}` ({outcome.format}, {outcome.certificate.bytes / 1e6:.2f} MB):"
        yield ""
        code = _USES[ending].format(file=file, module=file.removesuffix(".py"))
        yield from (f"    {line}" for line in code.splitlines())


def _limits(images: Comparison) -> Iterator[str]:
    yield "## Where it ends"
    yield ""
    yield (
        "It knows the classes above and no others: an image of something else gets one of them, perhaps with "
        "confidence. It has learned from one data set; on images that were made otherwise (another camera, "
        "light, crop) measure it first."
    )
    if images.labels is not None and len(images.labels) < 1000:
        yield f"Its accuracy is known of {len(images.labels)} images: mind the intervals."


def _told(values: Sequence[float]) -> str:
    return "/".join(f"{value:.4g}" for value in values)
