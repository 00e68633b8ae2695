import json

import pytest

from forecast.demand.stored import read_trained
from forecast.errors import InvalidInput


def test_a_model_of_an_earlier_form_is_refused():
    files = {"forecaster.json": json.dumps({"parameters": {"freq": "D"}, "members": ["lightgbm"]}).encode()}

    with pytest.raises(InvalidInput, match="train again"):
        read_trained(files)
