"""The predictor study, against fitting and counting one case at a time."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from natv2.randomness import numpy_generator
from natv2.search.config import PredictorStudyConfig
from natv2.search.predictors.interface import features
from natv2.search.predictors.study import study_predictors
from natv2.search.predictors.table import PREDICTORS
from natv2.search.report.predictor_study import (
    encoding_lines,
    scores_table,
    size_lines,
    supernets_bars,
    weak_predictors,
)
from natv2.spaces.space import SearchSpace
from natv2.training.state_store import StateStore
from tests.designs import DESIGNS

SPACE = SearchSpace(design=DESIGNS["EE_B_OFAMobileNetV3"], resolutions=(48, 56, 64), widths=(1.0, 1.2))
CODES = SPACE.sample_architectures(90, np.random.default_rng(0))
ERRORS = 0.6 - 0.05 * CODES[:, 2] - 0.004 * CODES[:, 8:14].sum(axis=1)
CONFIG = PredictorStudyConfig(
    samples=90, tests=(10, 30), sizes=(20, 50), repetitions=2, predictors=None, shown="lightgbm"
)
SEED = 3
NAMES = ("lightgbm", "ridge", "knn")


def study(folder, names=NAMES, **predictors):
    known = {name: PREDICTORS[name](folds=3) for name in names} | predictors
    return study_predictors(known, SPACE, CODES, ERRORS, CONFIG, SEED, StateStore(folder))


class Watched:
    """A predictor that keeps what it was fitted to, and may be killed."""

    def __init__(self, killed=False):
        self.seen, self.killed = [], killed

    def fit(self, features, errors, *, seed):
        if self.killed:
            raise KeyboardInterrupt
        self.seen.append(features)
        return self

    def predict(self, features):
        return np.zeros(len(features))


def test_a_case_is_what_fitting_it_alone_gives(tmp_path):
    rows = study(tmp_path)
    assert len(rows) == len(NAMES) * 2 * 2 * 2 * 2
    case = rows.query("predictor == 'lightgbm' and encoding == 'one_hot' and size == 50 and repetition == 1")
    order = 30 + numpy_generator(SEED, "predictor study", 1).permutation(60)[:50]
    x = features(SPACE, CODES, "one_hot")
    predicted = PREDICTORS["lightgbm"](folds=3).fit(x[order], ERRORS[order], seed=1).predict(x[:30])
    for tested in (10, 30):
        (row,) = case[case["tested"] == tested].to_dict("records")
        assert row["spearman"] == pytest.approx(stats.spearmanr(predicted[:tested], ERRORS[:tested])[0])
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - ERRORS[:30])[:tested] ** 2)))
        assert row["true_sd"] == pytest.approx(ERRORS[:tested].std())
        assert row["fit_seconds"] > 0


def test_what_is_tested_was_never_fitted_to_and_larger_sets_hold_smaller_ones(tmp_path):
    watched = Watched()
    study(tmp_path, (), watched=watched)
    tested = {row.tobytes() for row in features(SPACE, CODES[:30], "integer")}
    seen = [{row.tobytes() for row in x} for x in watched.seen[:4]]
    assert [len(rows) for rows in seen] == [20, 50, 20, 50]
    assert not any(rows & tested for rows in seen)
    assert seen[0] < seen[1] and seen[2] < seen[3] and seen[0] != seen[2]


def test_a_killed_study_goes_on_with_the_predictors_that_are_left(tmp_path):
    whole = study(tmp_path / "a", NAMES, last=Watched())
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path / "b", NAMES, last=Watched(killed=True))
    resumed = study(tmp_path / "b", NAMES, last=Watched())
    timeless = [name for name in whole if name != "fit_seconds"]
    pd.testing.assert_frame_equal(resumed[timeless], whole[timeless])
    again = study_predictors(
        {"ridge": PREDICTORS["ridge"]()},
        SPACE,
        CODES,
        ERRORS,
        CONFIG,
        4,
        StateStore(tmp_path / "c"),
    )
    assert again["rmse"].tolist() != whole[whole["predictor"] == "ridge"]["rmse"].tolist()


@pytest.fixture
def table(tmp_path):
    rows = study(tmp_path, NAMES, nothing=Watched())
    both = [rows.assign(supernet=name) for name in ("EE_B", "base")]
    return scores_table(pd.concat(both))


def test_the_table_has_means_over_repetitions(tmp_path, table):
    rows = study(tmp_path).query(
        "predictor == 'knn' and encoding == 'integer' and size == 20 and tested == 30"
    )
    (found,) = table.query(
        "supernet == 'base' and predictor == 'knn' and encoding == 'integer' and size == 20 and tested == 30"
    ).to_dict("records")
    assert found["spearman"] == pytest.approx(rows["spearman"].mean())
    assert found["spearman sd"] == pytest.approx(rows["spearman"].std())


def test_what_orders_nothing_is_named_with_what_it_explains(table):
    weak = weak_predictors(table)
    assert weak["predictor"].unique().tolist() == ["nothing"]
    assert (weak["spearman"] == 0).all() and (weak["explained"] < 0).all()


def test_figures_show_the_largest_test(table):
    bars = supernets_bars(table)
    assert [bar.name for bar in bars.data] == ["EE_B", "base"]
    assert list(bars.data[0].x) == [*NAMES, "nothing"]
    lines = size_lines(table, "base")
    assert {line.name: list(line.x) for line in lines.data} == {
        name: [20, 50] for name in (*NAMES, "nothing")
    }
    encodings = encoding_lines(table, "EE_B", "ridge")
    expected = table.query(
        "supernet == 'EE_B' and predictor == 'ridge' and tested == 30 and encoding == 'one_hot'"
    )
    assert list(encodings.data[1].y) == expected["spearman"].tolist()
