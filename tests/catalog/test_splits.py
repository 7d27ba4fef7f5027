"""The splits of a data set do not follow the run's seed: no run tests on what another one trained on."""

from pathlib import Path

from kedro.config import OmegaConfigLoader

from natv2.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[2] / "conf"


def test_the_splits_do_not_follow_the_seed():
    loader = OmegaConfigLoader(str(CONF), env="demo", runtime_params={"seed": 5}, **CONFIG_LOADER_ARGS)
    catalog = loader["catalog"]
    assert catalog["source_images"]["seed"] == catalog["target_images"]["seed"] == 0
