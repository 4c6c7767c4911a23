"""DataSpec: derived facts and the way through JSON."""

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import numbered

from dl_runner.spec import DataSpec

numbers = st.lists(st.floats(-5, 5), min_size=1, max_size=3).map(tuple)
specs = st.builds(
    DataSpec,
    task=st.sampled_from(["classification", "regression"]),
    input_shape=st.lists(st.integers(1, 300), min_size=1, max_size=3).map(tuple),
    outputs=st.integers(1, 1000),
    classes=st.lists(st.text(max_size=5), max_size=4).map(tuple),
    mean=numbers,
    std=numbers,
)


@settings(max_examples=40, deadline=None)
@given(specs)
def test_a_spec_survives_json(spec):
    assert DataSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert spec.is_image == (len(spec.input_shape) == 3)
    assert spec.channels == spec.input_shape[0]


def test_a_spec_cannot_change_and_can_be_a_key():
    spec = numbered((2,), 1)
    assert hash(spec) == hash(numbered((2,), 1))
    with pytest.raises(FrozenInstanceError):
        spec.outputs = 2
