"""What a run says in words at its end."""

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset

from natv2.runs.summary import show_sentences, show_tables


def test_texts_are_said_that_the_catalog_says_are_to_be_said(capsys):
    catalog = DataCatalog(
        {
            "verdict": MemoryDataset(metadata={"said": True}),
            "page": MemoryDataset(metadata={"said": False}),
            "other": MemoryDataset(),
        }
    )
    text = "Verdict on 3 [bold] networks: " + "a long one, in one line; " * 20
    show_sentences(catalog, {"verdict": text, "page": "silent", "other": "silent", "unknown": "silent"})
    assert capsys.readouterr().out == f"{text}\n\n"


def test_finished_networks_are_shown_with_what_they_gain_where_that_is_known(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)  # of who runs the tests
    catalog = DataCatalog({"results": MemoryDataset(metadata={"table": "Finished"})})
    networks = pd.DataFrame(
        {
            "name": ["one", "two"],
            "method": ["standard"] * 2,
            "test_accuracy_before": [0.5, 0.6],
            "test_accuracy": [0.7, 0.8],
            "macs": [1_000_000, 2_000_000],
        }
    )
    show_tables(catalog, {"results": networks})
    assert "ain" not in capsys.readouterr().out.replace("again", "")
    known = {"best_plain": [None, "resnet"], "gain": [None, 0.0123]}
    judged = networks.assign(**known, gain_low=[None, -0.01], gain_high=[None, 0.0345])
    judged = judged.astype(dict.fromkeys(("gain", "gain_low", "gain_high"), float))
    show_tables(catalog, {"results": judged})
    two, one = capsys.readouterr().out.strip().splitlines()[-2:]
    assert "resnet" in two and "+1.2 (-1.0 to +3.5)" in two
    assert "one" in one and "nan" not in one and "None" not in one


def test_what_finishing_will_take_is_told_in_hours_minutes_and_seconds(capsys):
    catalog = DataCatalog({"finishing_plan": MemoryDataset(metadata={"table": "Finishing"})})
    plan = pd.DataFrame({"stage": ["finishing"], "times": [3], "training": [1.2345], "epochs": [60]})
    show_tables(catalog, {"finishing_plan": plan})
    assert capsys.readouterr().out.split()[-4:] == ["finishing", "3", "1:14:04", "60"]
