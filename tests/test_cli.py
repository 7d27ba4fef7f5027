import pytest

PARAMETERS = (
    "supernet, schedule, teacher, kd, init_from, elastic, eps, objectives, constraints, network, weights, "
    "scenario, aep, seed, device, precision, threads, workers, hosts, rendezvous, source, dataset, "
    "source_path, data_path, images, "
    "preset, metric, budget, fresh, widths, search, postprocess, rank_study, baselines, postprocess_study, "
    "predictor_study, import_ofa, export"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--params", "eps.phases.full.epochs=-1"),
            "parameter 'eps.phases.full.epochs' cannot be -1: it should be greater than or equal to 0",
        ),
        (
            ("--params", "supernt=EE_B"),
            f"unknown parameter 'supernt' (did you mean 'supernet'?); known: {PARAMETERS}",
        ),
        (
            ("--params", "preset=nat2"),
            "unknown preset 'nat2'; known: natv2, nat, natv2_phase1, natv2_phase2, natv2_phase3, "
            "natv2_phase4, random",
        ),
        (("--env", "nope"), "unknown environment 'nope'; known: base, demo, local, photos, reduced, test"),
        (("--pipeline", "serch"), "unknown pipeline 'serch'; known: ofav2_eps, natv2_search, __default__"),
        (("--nodes", "nope"), "unknown node 'nope'; known: narrow.full, search"),
        (
            ("--runner", "ParallelRunner"),
            "runner 'ParallelRunner' cannot be used: nodes share the device and its threads; "
            "allowed: SequentialRunner",
        ),
        (
            ("--runner", "NopeRunner"),
            "runner 'NopeRunner' cannot be used: nodes share the device and its threads; "
            "allowed: SequentialRunner",
        ),
        (("--namespaces", "narow"), "unknown namespace 'narow'; known: none"),
        (("--from-nodes", "nope"), "unknown node 'nope'; known: narrow.full, search"),
        (("--to-nodes", "serch"), "unknown node 'serch'; known: search"),
        (("--tags", "none"), "unknown tag 'none'; known: none"),
        (
            ("--runner", "ThreadRunner"),
            "runner 'ThreadRunner' cannot be used: nodes share the device and its threads; "
            "allowed: SequentialRunner",
        ),
        (
            ("--params", "eps.resolutions=16,24"),
            "Invalid format of `params` option: Item `24` must contain a key and a value separated by `=`. "
            "A value with a comma, such as a list, goes into a file: --config FILE",
        ),
        (
            ("--load-versions", "front"),
            "Expected the form of 'load_versions' to be "
            "'dataset_name:YYYY-MM-DDThh.mm.ss.sssZ',found front instead",
        ),
        (("--params", "eps=3"), "parameter 'eps' cannot be 3: it should be a block of parameters"),
        (
            ("--load-versions", "nope:2020-01-01T00.00.00.000Z"),
            "'load_versions' keys [nope] are not found in the catalog.",
        ),
    ],
)
def test_a_wrong_command_ends_with_one_line(toy, options, message):
    result = toy.run(*options)
    assert (result.exit_code, result.output) == (1, f"Error: {message}\n")
    assert toy.registry.EPOCHS_RUN == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("seed: [1\n", "Invalid YAML"), ("seed: ${nothing}\n", "nothing"), ("sed: 1\n", "did you mean 'seed'?")],
)
def test_a_wrong_file_in_conf_local_ends_with_one_line(toy, text, message):
    from click.testing import CliRunner

    from natv2.cli import cli

    file = toy.root / "conf/local/parameters.yml"
    file.write_text(text)
    try:
        result = CliRunner().invoke(cli, ["run"])
    finally:
        file.unlink()
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.splitlines()) == 1


def test_an_error_in_the_code_keeps_its_traceback(toy, monkeypatch):
    def broken(epoch: int) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(toy.registry, "BEFORE_EPOCH", broken)
    result = toy.run()
    assert isinstance(result.exception, ZeroDivisionError)
    assert result.exception.__traceback__ is not None


def test_kedros_options_are_all_there():
    from kedro.framework.cli.project import run

    from natv2.cli import cli

    ours = cli.commands["run"].params
    assert [each.to_info_dict() for each in ours] == [each.to_info_dict() for each in run.params]
