"""The page in a real browser: drawn, brushed, dragged, chosen; and its numbers equal Python's."""

import json
import re

import numpy as np
import pytest

from natv2.explorer.gather import explored
from natv2.explorer.page import explorer_page
from natv2.export.intervals import wilson
from natv2.objectives.objectives import as_costs
from natv2.search.moo.indicators import Hypervolume
from natv2.search.moo.survival import non_dominated
from tests.explorer import searches
from tests.explorer.browser import until


def count(page, selector: str) -> int:
    return page.run(f"document.querySelectorAll({json.dumps(selector)}).length")


def lit(page) -> int:
    return count(page, ".network:not(.off) .found, .network:not(.off) .front")


def test_it_draws_all_networks_and_no_name_becomes_markup(shown):
    assert count(shown, "#scatter .network") == 400 + 2 + 2
    assert count(shown, "#scatter .ring") == 2 and count(shown, "#scatter path.plain") == 2
    assert count(shown, "#parallel .line") == 400 + 2
    assert count(shown, "script") == 2 and count(shown, "img, iframe, object, form") == 0
    assert searches.HOSTILE[0] in shown.run("document.querySelector('h1').textContent")
    assert searches.HOSTILE[1] in shown.run("document.getElementById('strip').textContent")
    shown.run("document.getElementById('table').open = true")
    shown.run("NETWORKS.forEach((each, i) => { state.chosen = i; drawDetail(); drawTake(); })")
    assert shown.run("document.title").startswith(searches.HOSTILE[0])
    assert count(shown, "script") == 2 and count(shown, "img") == 0


def test_the_front_of_the_page_is_pythons(shown):
    archive = searches.tables()["archive"]
    for cost in ("macs", "params"):
        shown.run(f"state.x = '{cost}'")
        names = shown.run("frontOf('found').map((network) => network.index)")
        assert sorted(names) == sorted(non_dominated(as_costs(archive, ("accuracy", cost))).tolist())


def test_hypervolumes_of_the_page_are_pythons(shown):
    costs = as_costs(searches.tables()["archive"], ("macs", "accuracy"))
    parts = costs[:150], costs[150:]
    measure = Hypervolume.from_archive(np.concatenate([part[non_dominated(part)] for part in parts]))
    found = shown.run("volumes(drawn('found').slice(0, 150), drawn('found').slice(150))")
    assert found == pytest.approx(
        [measure.value(part) for part in parts], rel=1e-4
    )  # six digits go to the page


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (431, 600), (1, 100_000)])
def test_intervals_of_the_page_are_pythons(shown, hits, trials):
    assert shown.run(f"wilson({hits} / {trials}, {trials})") == pytest.approx(
        list(wilson(hits, trials)), abs=1e-12
    )


def test_intervals_of_differences_are_newcombes(shown):
    """His example, method 10: 56 of 70 against 48 of 80."""
    found = shown.run("difference(56 / 70, 48 / 80, 70, 80)")
    assert found == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)
    assert shown.run("difference(0.5, 0.4, 100)[1]") < 0 < shown.run("difference(0.5, 0.3, 100)[1]")


def test_what_is_within_noise_is_marked_so(shown):
    archive = searches.tables()["archive"]
    near = shown.run("[...withinNoise(drawn('found'), axis('x'), axis('y'), 600)]")
    best = [archive["accuracy"][archive["macs"] <= macs].max() for macs in archive["macs"]]
    expected = [
        number
        for number, (top, own) in enumerate(zip(best, archive["accuracy"], strict=True))
        if not surely_better(top, own, searches.VALID)
    ]
    assert sorted(near) == expected and 0 < len(near) < 400
    front = count(shown, "#scatter .front")
    assert count(shown, "#scatter .found.near") == len(near) - front  # all of the front is


def surely_better(one: float, other: float, trials: int) -> bool:
    """Newcombe's interval again, from Wilson's in Python."""
    low, _ = wilson(round(one * trials), trials)
    _, high = wilson(round(other * trials), trials)
    return one - other > ((one - low) ** 2 + (high - other) ** 2) ** 0.5


def test_a_click_tells_of_a_network_and_its_neighbours(shown):
    shown.click("#scatter .network .front")
    index = shown.run("state.chosen")
    assert shown.run(f"NETWORKS[{index}].kind") == "found"
    text = shown.run("document.getElementById('detail').textContent")
    assert f"found {index + 1}" in text and "Cost by stage" in text and "neighbours" in text
    assert count(shown, "#detail .kernel") == shown.run(
        f"stagesOf(NETWORKS[{index}].architecture).flat().filter((level) => level.kernel).length"
    )
    assert count(shown, "#parallel .line.chosen") == 1


def test_clicks_go_through_networks_at_one_place_and_the_hint_names_the_one_that_is_shown(shown):
    shown.run("(([a, b]) => { b.values = { ...a.values }; changed(); })(drawn('plain'))")
    shown.settle()
    both = shown.run("drawn('plain').map(title)")
    at = shown.place("#scatter path.plain")
    told = []
    for _ in range(3):
        shown.drag(at, ())
        shown.settle()
        hint = shown.run("document.querySelector('.hint').innerText").split("\n")
        assert hint[0] == shown.run("document.querySelector('#detail h2').innerText")
        assert hint[-1] == "2 networks lie here: each click shows the next"
        told.append(hint[0])
    assert told == [both[1], both[0], both[1]]


def test_a_finished_network_shows_its_classes_the_worst_first_and_how_to_take_it(shown):
    shown.click(".ring")
    text = shown.run("document.getElementById('detail').textContent")
    names = shown.run(
        "[...document.querySelectorAll('#detail .classes')].map((t) => t.querySelector('bdi').textContent)"
    )
    assert names[0] in (searches.HOSTILE[5], searches.HOSTILE[0])  # 60 % of the first, 50 % of the second
    assert "Better than the best plain network?" in text and "Calibration" in text
    taken = shown.run("document.getElementById('take').textContent")
    assert "natv2 predict network_0" in taken and "load_network" in taken


def test_a_name_is_broken_after_its_underscores_alone(shown):
    shown.run(
        "(() => { const box = document.createElement('div'); box.id = 'narrow'; box.style.width = '90px';"
        " box.append(named('mobilenet_v3_small_035_taught')); document.body.append(box); })()"
    )
    lines = shown.run(
        "[...narrow.firstChild.childNodes].filter((each) => each.nodeType === 3).map((each) => {"
        " const range = new Range(); range.selectNodeContents(each);"
        " return [...range.getClientRects()].map((box) => box.top); })"
    )
    assert [len(tops) for tops in lines] == [1] * 5  # no part goes on in another line
    assert len({top for (top,) in lines}) > 1
    assert shown.run("narrow.textContent") == "mobilenet_v3_small_035_taught"


def test_titles_within_a_sentence_are_small(shown):
    strip = shown.run("document.getElementById('strip').innerText")
    assert re.search(r"of the box up to [\d.]+ % validation top-1, [\d.]+ [kM] MACs", strip)
    shown.run("setLimit('accuracy', 0.5); setLimit('params', 1e6)")
    shown.settle()
    said = shown.run("document.getElementById('words').textContent")
    assert "meet validation top-1 ≥ 50.0 % and parameters ≤ 1 M." in said


def test_a_plain_networks_name_does_not_run_into_an_interval(shown):
    """The one beside it is below its name, but its interval reaches that high."""
    shown.run(
        "(([a, b]) => { a.name = 'a_name_of_some_length';"
        " b.values = { ...a.values, macs: 1.2 * a.values.macs, accuracy: a.values.accuracy - 0.03 };"
        " changed(); })(drawn('plain'))"
    )
    shown.settle()
    box = "(({x, y, width, height}) => [x, y, x + width, y + height])(e.getBBox())"
    names, whiskers = (
        shown.run(f"[...document.querySelectorAll('{kind}')].map((e) => {box})")
        for kind in ("#scatter .labelled", ".whisker.of-plain")
    )
    assert names and len(whiskers) == 2
    for left, top, right, bottom in names:
        assert not any(
            left < one[2] and one[0] < right and top < one[3] and one[1] < bottom for one in whiskers
        )


def test_a_threshold_says_where_images_leave_and_what_that_gives(shown):
    shown.run("choose(NETWORKS.find((each) => each.name === 'network_01').index)")
    shown.settle()
    text = "document.getElementById('detail').textContent"
    assert "Nobody leaves before the last exit: 95.0 % top-1 with 3 M MACs" in shown.run(text)
    shown.run("document.getElementById('threshold').focus()")
    shown.key("ArrowLeft")
    assert "At 99.5 % sure an image leaves: 90.0 % top-1 with 1.8 M MACs" in shown.run(text)
    shown.run("changed()")
    shown.settle()
    assert "At 99.5 % sure" in shown.run(text)  # it stays where it was put
    assert f"{searches.HOSTILE[0]} taken for {searches.HOSTILE[1]}7 times" in shown.run(text)
    shown.run("choose(NETWORKS.find((each) => each.name === 'network_02').index)")
    shown.settle()
    assert count(shown, "#threshold") == 0


def test_the_strip_answers_by_the_verdicts(shown):
    said = shown.run("[...document.querySelectorAll('.fact')].map((each) => each.innerText)")
    answers = dict(text.split("\n")[:2] for text in said)
    assert answers["Beats plain networks?"] == "yes"  # the one that is known
    assert answers["Beats random candidates?"] == "within noise"
    assert answers["Seed"] == "4" and answers["Kendall's tau of the predictor"] == "0.60"


def test_keys_go_from_network_to_network(shown):
    shown.run("document.querySelector('[data-key=networks]').focus()")
    shown.key("Home")
    first = shown.run("state.chosen")
    shown.key("ArrowRight")
    second = shown.run("state.chosen")
    macs = shown.run(f"[{first}, {second}].map((i) => NETWORKS[i].values.macs)")
    assert (
        macs[0] == shown.run("Math.min(...NETWORKS.map((each) => each.values.macs))") and macs[1] >= macs[0]
    )
    assert shown.run("document.activeElement.dataset.key") == "networks"


def test_a_limit_that_is_dragged_leaves_those_that_keep_it(shown):
    x, y = shown.place("[data-which=x] .grip")
    middle, _ = shown.place("#scatter .frame")
    shown.drag(shown.place("[data-which=x] .grip"), [(x - 40, y), (middle, y)])
    limit = shown.run("state.limits.get('macs')")
    archive = searches.tables()["archive"]
    assert 0 < lit(shown) == (archive["macs"] <= limit).sum() < 400
    assert f"{lit(shown)} of 400 found" in shown.run("document.getElementById('words').textContent")
    assert count(shown, "#shades .shade") == 1
    pick = shown.run("picked().pick.values.macs")
    assert pick <= limit
    shown.run("document.querySelector('[data-key=limit-x]').focus()")
    shown.key("ArrowLeft")
    assert shown.run("state.limits.get('macs')") < limit
    shown.drag(shown.place("[data-which=x] .grip"), [(x - 40, y), (x + 200, y)])
    assert shown.run("state.limits.size") == 0 and lit(shown) == 400


def test_a_box_in_the_plot_and_a_range_of_an_axis_keep_some(shown):
    x, y = shown.place("#scatter .frame")
    shown.drag((x, y), [(x + 50, y + 30), (x + 150, y + 90)])
    boxed = lit(shown)
    assert 0 < boxed < 400 and count(shown, "#parallel .line.off") >= 400 - boxed
    shown.key("Escape")
    assert lit(shown) == 400
    x, y = shown.place("[data-name=exit] .brush-area")
    shown.drag((x, y - 100), [(x, y - 60), (x, y - 20)])
    low, high = shown.run("state.brushes.get('exit')")
    exits = searches.tables()["archive"]["exit"]
    assert lit(shown) == ((exits >= low) & (exits <= high)).sum()
    shown.run("document.querySelector('[data-key=\"brush-width-low\"]').focus()")
    for _ in range(15):
        shown.key("ArrowUp")
    widths = searches.tables()["archive"]["width"]
    assert lit(shown) == ((exits >= low) & (exits <= high) & (widths == 1.2)).sum()


def test_what_to_take_is_the_cheapest_within_noise_by_validation_images_alone(shown):
    results = searches.tables()["results"]  # 95 and 94 % of 600 validation images: within noise of each other
    cheapest = results.loc[results["macs"].idxmin(), "name"]
    for accuracy in ("accuracy", "test_accuracy", "test_macro"):
        shown.run(f"state.y = '{accuracy}'; changed()")
        shown.settle()
        words = shown.run("document.getElementById('words').textContent")
        assert f"Take {cheapest}: " in words and "validation top-1" in words
    shown.run("setLimit('accuracy', 0.945)")
    shown.settle()
    best = results.loc[results["accuracy_after"].idxmax(), "name"]
    assert f"Take {best}: 95.0 % validation top-1" in shown.run(
        "document.getElementById('words').textContent"
    )
    shown.run("setLimit('accuracy', null); setLimit('macs', 1)")
    shown.settle()
    assert "Nothing can be taken" in shown.run("document.getElementById('words').textContent")


def test_other_axes_have_other_fronts(shown):
    for x, y in (
        ("params", "test_accuracy"),
        ("bytes", "test_macro"),
        ("accuracy", "macs"),
        ("macs", "macs"),
    ):
        shown.run(f"state.x = '{x}'; state.y = '{y}'; drawControls(); changed()")
        shown.settle()
        expected = shown.run(f"NETWORKS.filter((n) => '{x}' in n.values && '{y}' in n.values).length")
        assert count(shown, "#scatter .network") == expected > 0


def drop(page, text: str, name: str) -> None:
    """Drop a file on the page, as a person does."""
    page.run(
        "(() => { const given = new DataTransfer();"
        f" given.items.add(new File([{json.dumps(text)}], {json.dumps(name)}));"
        " window.dispatchEvent(new DragEvent('drop', { dataTransfer: given, cancelable: true })); })()"
    )


def test_another_search_that_is_dropped_is_drawn_beside_this_one(shown):
    archive = searches.tables()["archive"].assign(accuracy=lambda table: table["accuracy"] - 0.05)
    summary = searches.summary(seed=9)
    other = explorer_page(explored(searches.searched(tables={"archive": archive}, summary=summary)))
    drop(shown, other, "other.html")
    said = "document.getElementById('compared').textContent"
    until(lambda: "seed 9" in shown.run(said))
    shown.settle()
    assert "difference of +" in shown.run(said)
    front = non_dominated(as_costs(archive, ("accuracy", "macs")))
    assert count(shown, "#other path.other") == len(front)
    for text in ("no page", "<p>", '<script id="data">{"format": 99}</script>'):
        drop(shown, text, "<b>x</b>")
        until(lambda: shown.run(said).startswith("<b>x</b> is "))
        shown.settle()
        assert count(shown, "#other") == 0 and count(shown, "#compared b") == 0
        drop(shown, other, "other.html")
        until(lambda: "seed 9" in shown.run(said))


def test_limits_of_the_search_are_there_from_the_beginning(chromium, tmp_path):
    bounds = {"max_macs": int(searches.tables()["archive"]["macs"].median())}
    path = tmp_path / "bound.html"
    path.write_bytes(
        explorer_page(explored(searches.searched(summary=searches.summary(constraints=bounds)))).encode()
    )
    chromium.open(path, dark=True, width=480)
    assert lit(chromium) == (searches.tables()["archive"]["macs"] <= bounds["max_macs"]).sum()
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    assert chromium.printed()[:5] == b"%PDF-"


def printed_cards(page) -> list[str]:
    """What each card begins with, from the top of the paper to its end."""
    cards = "[...document.querySelectorAll('.card')].filter((each) => each.checkVisibility())"
    about = "(each) => [each.getBoundingClientRect().top, each.textContent.trim()]"
    return [text for _, text in sorted(page.run(f"{cards}.map({about})"))]


def test_paper_has_the_chosen_network_after_the_plot_and_nothing_that_is_closed(shown):
    shown.run("choose(NETWORKS.find((each) => each.name === 'network_01').index)")
    shown.settle()
    shown.on_paper()
    plot, chosen, made_of, take = printed_cards(shown)
    assert plot.startswith("Networks") and chosen.startswith("network_01")
    assert made_of.startswith("What they are made of") and take.startswith("Take it")


def test_a_table_that_is_opened_is_printed_whole(shown):
    shown.run("document.getElementById('table').open = true")
    shown.on_paper()
    assert len(printed_cards(shown)) == 5
    cut = "(({scrollHeight: a, clientHeight: b}) => a - b)(document.querySelector('#table .rows'))"
    assert shown.run(cut) == 0 and shown.run("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_copied_is_the_command(shown):
    shown.run("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
    shown.click("[data-key='copy-What it says of your images']")
    until(lambda: shown.run("globalThis.copied !== undefined"))
    assert shown.run("copied").startswith("natv2 predict network_0")
