"""The kinds of inputs and targets, and DataSpec's way through JSON."""

import json
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import labelled, numbered

from dl_runner.spec import KINDS, Boxes, Classes, Columns, DataSpec, Fields, Image, Numbers, Pixels, Tokens, Vector

sizes = st.integers(1, 300)
texts = st.lists(st.text(max_size=5), max_size=4).map(tuple)
numbers = st.lists(st.floats(-5, 5), min_size=1, max_size=3).map(tuple)
simple = {
    Image: st.builds(Image, sizes, sizes, sizes, numbers, numbers),
    Vector: st.builds(Vector, sizes, numbers, numbers),
    Tokens: st.builds(Tokens, sizes, sizes, st.none() | sizes),
    Columns: st.builds(Columns, texts, texts, st.lists(sizes, max_size=3).map(tuple)),
    Classes: st.builds(Classes, texts),
    Numbers: st.builds(Numbers, sizes),
    Pixels: st.builds(Pixels, texts, sizes, sizes, sizes),
    Boxes: st.builds(Boxes, texts, sizes),
}
kinds = st.recursive(
    st.one_of(*simple.values()),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=5), inner, min_size=1, max_size=3).map(
        lambda fields: Fields.of(**fields)
    ),
    max_leaves=4,
)


def test_every_kind_is_tested_here():
    assert {*simple, Fields} == set(KINDS.values())


@pytest.mark.parametrize("kind", simple, ids=lambda kind: kind.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_every_kind_survives_json_as_inputs_and_as_targets(kind, data):
    spec = DataSpec(data.draw(simple[kind]), data.draw(simple[kind]), "any")
    assert DataSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@settings(max_examples=40, deadline=None)
@given(kinds, kinds, st.text(max_size=5))
def test_a_spec_survives_json(inputs, targets, task):
    spec = DataSpec(inputs, targets, task)
    again = DataSpec.from_dict(json.loads(json.dumps(spec.to_dict())))
    assert again == spec and hash(again) == hash(spec)
    assert spec.is_image == isinstance(inputs, Image)


@pytest.mark.parametrize(
    ("plain", "spec"),
    [
        (
            {"task": "classification", "input_shape": [3, 8, 9], "outputs": 2, "classes": ["a", "b"]},
            DataSpec(Image(3, 8, 9, (0.5,), (0.2,)), Classes(("a", "b")), "classification"),
        ),
        (
            {"task": "regression", "input_shape": [4], "outputs": 3, "classes": []},
            DataSpec(Vector(4, (0.5,), (0.2,)), Numbers(3), "regression"),
        ),
    ],
)
def test_the_form_of_version_0_1_is_read(plain, spec):
    assert DataSpec.from_dict(json.loads(json.dumps(plain | {"mean": [0.5], "std": [0.2]}))) == spec


@pytest.mark.parametrize("plain", [{}, {"inputs": {"kind": "Sound"}}, {"inputs": {"kind": "Vector", "width": 3}}])
def test_what_is_no_spec_is_refused(plain):
    with pytest.raises((KeyError, TypeError)):
        DataSpec.from_dict(plain)


def test_the_facts_that_models_ask_for():
    images, vectors = labelled((3, 8, 9), 5), numbered((4,), 2)
    assert (images.input_shape, images.channels, images.outputs) == ((3, 8, 9), 3, 5)
    assert images.classes == tuple("01234") and vectors.classes == ()
    assert (vectors.input_shape, vectors.outputs, vectors.is_image) == ((4,), 2, False)


@pytest.mark.parametrize(
    ("inputs", "targets", "values"),
    [
        (Image(3, 8, 8), Classes(("a", "b")), 192),
        (Vector(2), Numbers(5), 5),
        (Vector(2), Classes(tuple("abcdefg")), 7),
        (Tokens(100, 6), Tokens(50, 6), 300),
        (Image(1, 4, 4), Pixels(("a", "b", "c"), 4, 4), 48),
        (Columns(("a", "b"), ("c",), (9,)), Numbers(1), 10),
        (Fields.of(a=Vector(3), b=Vector(4)), Numbers(1), 7),
    ],
)
def test_the_numbers_that_a_model_reads_or_gives_for_one_example(inputs, targets, values):
    assert DataSpec(inputs, targets, "any").values == values


def test_a_spec_cannot_change_and_can_be_a_key():
    spec = numbered((2,), 1)
    assert hash(spec) == hash(numbered((2,), 1))
    with pytest.raises(FrozenInstanceError):
        spec.task = "another"
