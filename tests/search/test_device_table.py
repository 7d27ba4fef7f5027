"""A latency table made of another device's times: what it says, and every file that is refused."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from natv2.costs.config import BatchLatencyConfig
from natv2.costs.latency_table import LatencyTable
from natv2.costs.measured_on import origin_of
from natv2.errors import UserError
from natv2.search.device_table import device_latency_table
from natv2.search.device_times import checksum, read_times
from natv2.search.kit_contents import NOTHING, KitContents
from natv2.spaces.space import SearchSpace
from tests.designs import DESIGNS
from tests.device_kit.kits import CLASSES, SMALL, results

CONFIG = BatchLatencyConfig(threads=None, batch=1, warm_up=0, repetitions=1, force=False)
CONTENTS = KitContents.of(SMALL, CLASSES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "times.json"


def write(path, values):
    path.write_text(json.dumps(values, indent=1))
    return path


def table_of(path, space=SMALL, classes=CLASSES, **changes):
    return device_latency_table(path, space, classes, CONFIG.model_copy(update=changes))


def test_a_network_takes_the_sum_of_its_parts_on_the_scale_of_the_devices_networks(path):
    frame, check = table_of(write(path, results(CONTENTS)))
    codes = SMALL.sample_codes(50, np.random.default_rng(1))
    known = CONTENTS.parts.table(
        np.array([1.0 + sum(entry.encode()) % 97 / 10 for entry in CONTENTS.part_entries])
    )
    expected = LatencyTable.from_frame(frame, SMALL)(codes)
    np.testing.assert_allclose(expected, 2 * known(codes) + 3)  # without what each call takes by itself
    assert len(check) == 30
    np.testing.assert_allclose(check["expected_ms"], check["measured_ms"])
    assert (check["spread_ms"] == 0.1).all()


def test_it_says_whose_it_is(path, caplog):
    caplog.set_level(logging.INFO, logger="natv2")
    values = results(CONTENTS)
    frame, _ = table_of(write(path, values))
    origin = origin_of(frame)
    assert str(origin) == "Raspberry Pi 4 (onnxruntime 1.20.0, 2 threads, 2026-11-28)"
    assert f"latency table of {origin}: over 30 other networks MAPE 0.0 %, Spearman 1.000" in caplog.text
    assert origin.to_dict() == {
        "device": "Raspberry Pi 4",
        "runtime": "onnxruntime 1.20.0",
        "threads": 2,
        "batch": 1,
        "measured": values["ended"],
        "resolutions": [16, 32],
        "widths": [0.1],
        "spearman": pytest.approx(1),
        "mape": pytest.approx(0),
        "drift": pytest.approx(0.05),
        "times": values["checksum"],
    }
    assert "was not steady" not in caplog.text
    first, milliseconds = values["again"]
    table_of(write(path, results(CONTENTS, again=[first, 1.3 * milliseconds])))
    assert "was not steady: its first file took +37 % of its time" in caplog.text


def test_a_table_of_more_sizes_and_widths_than_needed_gives_those_that_are(path):
    space = replace(SMALL, widths=(0.1, 0.2), resolutions=(16, 24, 32))
    contents = KitContents.of(space, CLASSES)
    whole, _ = table_of(write(path, results(contents)), space)
    asked = replace(SMALL, widths=(0.2,), resolutions=(16, 32))
    part, check = table_of(path, asked)
    codes = asked.sample_codes(30, np.random.default_rng(0))
    same = codes + np.where(np.arange(asked.variables) == 1, 1, 0)
    same[:, 0] *= 2
    np.testing.assert_array_equal(
        LatencyTable.from_frame(part, asked)(codes), LatencyTable.from_frame(whole, space)(same)
    )
    own = [space.widths[c[1]] == 0.2 and space.resolutions[c[0]] != 24 for c in contents.codes[15:]]
    assert len(check) == sum(own) if sum(own) >= 10 else len(check) == 30


def test_networks_of_the_searchs_own_sizes_check_it_where_they_are_enough(path):
    """Among sizes that differ much any table orders well: within one it must do so too."""
    values = results(CONTENTS)
    large = [SMALL.resolutions[code[0]] == 32 for code in CONTENTS.codes]
    for entry, is_large in zip(CONTENTS.network_entries, large, strict=True):
        # Small ones take little, as they should; large ones take what they want.
        values["times"][entry][0] = 1000 + sum(entry.encode()) % 7 if is_large else values["times"][entry][0]
    values["checksum"] = checksum(values)
    write(path, values)
    one, held_out = replace(SMALL, resolutions=(32,)), sum(large[15:])
    assert 10 <= held_out < 30
    with pytest.raises(UserError, match=f"is no guide: over {held_out} other networks"):
        table_of(path, one)


def test_what_orders_networks_wrongly_is_refused_unless_forced(path):
    values = results(CONTENTS)
    draws = np.random.default_rng(0).permutation(45)
    entries = CONTENTS.network_entries
    shuffled = {entries[n]: values["times"][entries[draws[n]]] for n in range(45)}
    values["times"] |= shuffled
    values["checksum"] = checksum(values)
    write(path, values)
    with pytest.raises(
        UserError, match=r"is no guide: over 30 .* below 0\.9; let the device cool.*force=true"
    ):
        table_of(path)
    frame, _ = table_of(path, force=True)
    assert origin_of(frame).spearman < 0.9


OTHER = replace(SMALL, design=DESIGNS["EE_B_OFAMobileNetV3"])


@pytest.mark.parametrize(
    ("space", "classes", "changes", "told"),
    [
        (OTHER, 4, {}, "is of small, not of EE_B_OFAMobileNetV3"),
        (replace(SMALL, design=replace(SMALL.design, depths=(1, 2, 3))), 4, {}, "is of small, not of small"),
        (SMALL, 7, {}, "is of 4 classes, not of 7"),
        (replace(SMALL, widths=(0.1, 0.35)), 4, {}, "has no width 0.35: it has 0.1"),
        (replace(SMALL, resolutions=(16, 20)), 4, {}, "has no resolution 20: it has 16, 32"),
        (SMALL, 4, {"batch": 8}, "is of 1 images at once, not of search.latency.batch=8"),
        (SMALL, 4, {"threads": 4}, "is of 2 threads, not of search.latency.threads=4"),
    ],
)
def test_a_table_of_another_search_is_refused_by_name(path, space, classes, changes, told):
    write(path, results(CONTENTS))
    with pytest.raises(UserError) as error:
        table_of(path, space, classes, **changes)
    assert error.value.message.startswith(f"search.latency.table={path} {told}"), error.value.message
    assert "\n" not in error.value.message
    assert table_of(path, threads=2)


def changed(**changes):
    return results(CONTENTS, **changes)


def timed(**times):
    """With other times, by the entry; None takes one away."""
    whole = {**results(CONTENTS)["times"], **times}
    return changed(times={name: value for name, value in whole.items() if value is not None})


def of_space(**changes):
    return changed(space=CONTENTS.told | changes)


PART = CONTENTS.part_entries[3]
MADE_UP = {
    "negative": (timed(**{PART: [-1.0, 0.1]}), rf"times\.{PART}\.0: it should be greater than 0"),
    "zero": (timed(**{PART: [0.0, 0.1]}), "greater than 0"),
    "spread": (timed(**{PART: [1.0, -0.1]}), "greater than or equal to 0"),
    "infinite": (timed(**{PART: [float("inf"), 0.1]}), "is damaged"),
    "not a number": (timed(**{PART: [float("nan"), 0.1]}), "is damaged"),
    "text": (timed(**{PART: ["1", 0.1]}), "is damaged"),
    "one entry missing": (timed(**{PART: None}), f"has no time of {PART}: copy it anew"),
    "two entries missing": (timed(**{PART: None, NOTHING: None}), "and 1 others: copy it anew"),
    "unknown entry": (timed(**{"stem_9@16": [1.0, 0.1]}), "has a time that no kit asks for, stem_9@16"),
    "not complete": (changed(ended=None, again=None), "is not complete, .* files are timed"),
    "another digest": (changed(digest="0" * 64), "has another digest than kits of its space"),
    "another space": (of_space(resolutions=[16, 48]), "has another digest than kits of its space"),
    "other classes": (of_space(classes=5), "has another digest than kits of its space"),
    "no space": (of_space(resolutions=[32, 16]), "it is of no space: resolutions"),
    "no design": (of_space(design={"name": "a b"}), "it is of no space"),
    "odd design": (of_space(design={"moon": 1}), "it is of no space"),
    "few networks": (
        changed(networks=dict(list(results(CONTENTS)["networks"].items())[:20])),
        "it has 20 whole networks, not 45",
    ),
    "wrong codes": (
        changed(
            networks=results(CONTENTS)["networks"] | {CONTENTS.network_entries[0]: [99] * SMALL.variables}
        ),
        "it is of no space: value 99",
    ),
    "ragged codes": (
        changed(networks=results(CONTENTS)["networks"] | {CONTENTS.network_entries[0]: [0]}),
        "it is of no space",
    ),
    "timed another again": (changed(again=["moon@1", 1.0]), "again: moon@1 is no file of its kit"),
    "another format": (changed(format=2), "format: it should be 1"),
    "a field more": (changed(moon=1), "moon: Extra inputs"),
    "a list": ([1], "is damaged"),
    "changed by hand": (
        results(CONTENTS) | {"device": "another"},
        "its checksum is not that of what it says",
    ),
}


@pytest.mark.parametrize("name", MADE_UP)
def test_what_is_damaged_incomplete_or_made_up_is_one_sentence(path, name):
    values, told = MADE_UP[name]
    write(path, values)
    with pytest.raises(UserError, match=told) as error:
        table_of(path)
    assert error.value.message.startswith(f"search.latency.table={path} ")
    assert "\n" not in error.value.message and len(error.value.message) < 600


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_what_is_no_json_is_one_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged, or no file of a device kit") as error:
        read_times(path)
    assert "\n" not in error.value.message


def test_what_is_no_file_is_said(path, tmp_path):
    for place in (path, tmp_path):
        with pytest.raises(UserError, match="there is no such file; a device kit's script writes it"):
            read_times(place)


def test_a_space_of_one_exit_has_a_table_too(path):
    space = SearchSpace(design=DESIGNS["ranges"], resolutions=(16,), widths=(0.1,))
    contents = KitContents.of(space, CLASSES)
    frame, check = table_of(write(path, results(contents)), space)
    assert len(check) == 30 and len(LatencyTable.from_frame(frame, space)(contents.codes)) == 45
