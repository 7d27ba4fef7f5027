"""Widths and sizes follow published supernets, not the environment."""

import pytest

from natv2.errors import UserError
from natv2.runs.checking import validate_parameters
from natv2.runs.following import following_source
from natv2.spaces.widths import WidthsConfig
from tests.test_parameters import raw

OWN = WidthsConfig(narrow=0.35, wide=0.5)


@pytest.mark.parametrize("env", ["base", "demo", "test"])
def test_widths_and_sizes_are_those_of_the_published_supernets(env):
    given = {"source": "ofa_imagenet"}
    found = validate_parameters(following_source(raw(env, **given), given))
    assert (found.widths.narrow, found.widths.wide) == (1.0, 1.2)
    assert found.search.resolutions == (128, 160, 192, 224)


def test_what_was_given_stays():
    given = {"source": "ofa_imagenet", "search": {"resolutions": [64, 96]}, "widths": {"wide": 2.0}}
    found = validate_parameters(following_source(raw("demo", **given), given))
    assert found.search.resolutions == (64, 96)
    assert (found.widths.narrow, found.widths.wide) == (1.0, 2.0)


def test_other_sources_follow_the_environment():
    found = validate_parameters(following_source(raw("demo"), {}))
    assert (found.widths, found.search.resolutions) == (OWN, (24, 28, 32))


def test_what_is_no_block_is_left_to_the_check():
    given = {"source": "ofa_imagenet", "widths": 3}
    with pytest.raises(UserError, match="'widths' cannot be 3: it should be a block of parameters"):
        validate_parameters(following_source({**raw("demo", source="ofa_imagenet"), "widths": 3}, given))
