import pytest

from natv2.errors import UserError
from natv2.runs.places import refuse_missing_places
from tests.configs import parameters


@pytest.mark.parametrize(
    "given", [{"init_from": "/nope"}, {"search": {"init_from": "/nope"}}, {"data_path": "/nope"}], ids=str
)
def test_a_place_that_is_not_there_is_told(given):
    values = parameters(**{"dataset": "folder", "data_path": "/nope"} | given)
    with pytest.raises(
        UserError, match=r"parameter '[a-z._]+' cannot be '/nope': there is no such file or f"
    ):
        refuse_missing_places(values, given)


def test_places_that_are_there_or_are_to_be_made_pass(tmp_path):
    values = parameters(dataset="folder", data_path=str(tmp_path))
    refuse_missing_places(values, {"data_path": str(tmp_path), "init_from": None, "seed": 3})
    refuse_missing_places(parameters(), {"data_path": "/to/be/fetched"})
