"""Hydra's grammar as a search space."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString

from dl_runner.errors import UserError
from dl_runner.sweep.space import choices, dimension


class Asked:
    """Answers with the bounds that it was asked for."""

    def __init__(self, answer):
        self.answer, self.asked = answer, None

    def suggest_int(self, name, low, high, step, log):
        self.asked = ("int", low, high, step, log)
        return self.answer

    def suggest_float(self, name, low, high, step, log):
        self.asked = ("float", low, high, step, log)
        return self.answer

    def suggest_categorical(self, name, choices):
        self.asked = tuple(choices)
        return choices[self.answer]


def parsed(text):
    return dimension("x", OverridesParser.create().parse_override(f"x={text}"))


@pytest.mark.parametrize(
    ("text", "answer", "asked", "drawn", "middle"),
    [
        ("interval(0,1)", 0.123456, ("float", 0.0, 1.0, None, False), "x=0.1235", "x=0.5"),
        ("tag(log,interval(1e-4,1))", 0.00123456, ("float", 1e-4, 1.0, None, True), "x=0.001235", "x=0.01"),
        ("int(interval(2,9))", 5, ("int", 2, 9, 1, False), "x=5", "x=5"),
        ("tag(log,int(interval(1,100)))", 7, ("int", 1, 100, 1, True), "x=7", "x=10"),
        ("range(1,10,4)", 9, ("int", 1, 9, 4, False), "x=9", "x=1"),
        ("range(0.1,0.5,0.2)", 0.1 + 0.2, ("float", 0.1, 0.3, 0.2, False), "x=0.3", "x=0.1"),
        ("a,b,c", 2, ("x=a", "x=b", "x=c"), "x=c", "x=a"),
        ("choice(0.1,[1,2])", 1, ("x=0.1", "x=[1,2]"), "x=[1,2]", "x=0.1"),
    ],
)
def test_what_is_asked_for_and_how_it_is_written(text, answer, asked, drawn, middle):
    trial = Asked(answer)
    assert parsed(text).suggest(trial) == drawn
    assert trial.asked == pytest.approx(asked) if asked[0] == "float" else trial.asked == asked
    assert parsed(text).middle == middle


def test_digits_are_kept_where_four_are_too_few():
    trial = Asked(1000.00004)
    assert parsed("interval(1000,1000.0001)").suggest(trial) == "x=1000.00004"


@pytest.mark.parametrize(
    ("text", "word"),
    [("interval(1,0)", "LOW, HIGH"), ("tag(log,interval(0,1))", "above 0"), ("range(3,3)", "no values")],
)
def test_a_space_without_values_is_refused(text, word):
    with pytest.raises(UserError, match=word):
        parsed(text)


@pytest.mark.parametrize(
    "texts",
    [
        ("a [b]", "{x: 1}"),
        ("it's $c", 'say "no"'),
        ("back\\slash", "ends in \\"),
        ("é", "日本 語"),
        ("a\nb", "c,d"),
        ("null", "1"),
        ("$(x)", "a=b:c"),
        (" lead", ""),
    ],
)
def test_every_text_is_written_so_that_it_is_read_again(texts):
    parse = OverridesParser.create().parse_override
    quoted = ",".join(QuotedString(text=text, quote=Quote.single).with_quotes() for text in texts)
    written = choices("key", parse(f"key=choice({quoted})"))
    assert [parse(shlex.split(shlex.join([one]))[0]).value() for one in written] == list(texts)


def test_plain_values_are_written_as_hydra_writes_them():
    override = OverridesParser.create().parse_override("key=0.1,1e-3,null,true,[1,2],a b,lenet")
    assert choices("key", override) == [f"key={value}" for value in override.sweep_string_iterator()]
