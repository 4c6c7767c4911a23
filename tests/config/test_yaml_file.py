"""A YAML file says what the same text says on the command line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_runner.config.compose import compose
from dl_runner.config.stored import load_config, to_plain, to_yaml
from dl_runner.config.yaml_file import is_number, read_yaml
from dl_runner.errors import UserError

# What is written, and what it is in both places.
FORMS = [
    ("3", 3),
    ("-3", -3),
    ("+5", 5),
    ("0", 0),
    ("1_000", 1000),
    ("010", "010"),
    ("0_1", "0_1"),
    ("0x10", "0x10"),
    ("0b11", "0b11"),
    ("0o17", "0o17"),
    ("1:30", "1:30"),
    ("1:30.5", "1:30.5"),
    ("190:20:30", "190:20:30"),
    ("2020-01-01", "2020-01-01"),
    ("0.5", 0.5),
    ("1.", 1.0),
    (".5", 0.5),
    (".5e3", 500.0),
    ("1e3", 1000.0),
    ("1e-3", 0.001),
    ("1E+3", 1000.0),
    ("1_0.5", 10.5),
    ("01.5", "01.5"),
    ("1e", "1e"),
    ("e3", "e3"),
    ("true", True),
    ("False", False),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("Off", "Off"),
    ("y", "y"),
    ("null", None),
    ("None", "None"),
    ("12 epochs", "12 epochs"),
]


@pytest.mark.parametrize(("text", "value"), FORMS)
def test_a_form_is_the_same_value_in_a_file_and_on_the_command_line(text, value, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"key: {text}\n")
    assert to_plain(compose([f"+expected={{key: {text}}}"]))["expected"] == {"key": value}
    found = read_yaml(path)[0]["key"]
    assert (found, type(found)) == (value, type(value))
    assert is_number(text) == (isinstance(value, int | float) and not isinstance(value, bool))


@settings(max_examples=100, deadline=None)
@given(st.text("0123456789_:.eE+-xbo", min_size=1, max_size=6))
def test_digits_in_any_order_are_the_same_number_in_both_places(tmp_path_factory, text):
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    path = tmp_path_factory.getbasetemp() / "forms.yaml"
    path.write_text(f"key: {text}\n")
    try:
        typed = OverridesParser.create().parse_override(f"key={text}").value()
        found = read_yaml(path)[0]["key"]
    except (HydraException, UserError, TypeError):  # no value at all in one of them: it is refused there
        return
    assert typed == found or not isinstance(found, int | float)
    assert isinstance(typed, int | float) == isinstance(found, int | float)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(
        st.text(max_size=6),
        st.sampled_from([*(text for text, _ in FORMS), "a\x85b", "\u2028", "\x1b"]),
        st.floats(allow_nan=False),
        st.integers(),
    )
)
def test_a_run_folders_config_comes_back_as_it_was(tmp_path_factory, value):
    if isinstance(value, str) and ("$" in value or value == "???" or re.search(r"[\ud800-\udfff]", value)):
        return
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_text(to_yaml({"key": value, "many": [value]}), encoding="utf-8")
    found = load_config(path)
    assert found == {"key": value, "many": [value]}
    assert type(found["key"]) is type(value)


BROKEN = [
    (b"a: 1\nb: gr\xfc\xdfe\n", ":2: byte 0xfc is not UTF-8; save the file as UTF-8"),
    ("a: 1\n".encode("utf-16"), ": is in UTF-16; save it as UTF-8"),
    (b"a: 1\nb:\n\tc: 2\n", ":3: has a tab; YAML indents with spaces"),
    (b"a: 1\nb:\n  c: 2\n\td: 3\n", ":4: "),
    (b"a: 1\nb: 2\na: 3\n", ":3: a is there already, in line 1; keep one of the two"),
    (b"x:\n  a: 1\n  a: 1\n", ":3: a is there already, in line 2"),
    (b"a: b: c\n", ":1: has a second colon"),
    (b"a: [1, 2\nb: 3\n", ":2: "),
    (b"a: 'b\n", ":2: "),
    (b"a: 1\nb: \x00\n", ":2: a character that no text has (#x0000)"),
    (b"a: !!python/object/apply:os.system ['true']\n", ":1: could not determine a constructor for the tag"),
    (b"a: &a [*a]\n", ": stands for more than 200,000 values"),
    (b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
        b"%c: &%c [%s]\n" % (97 + n, 97 + n, b",".join([b"*%c" % (96 + n)] * 10)) for n in range(1, 9)
    ), ": stands for more than 200,000 values"),
    (b"[" * 100_000, ": cannot be read as YAML"),
    (b"a: " + b"1" * 5000, ": cannot be read as YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BROKEN)
def test_a_broken_file_is_named_with_its_line(data, message, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(data)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    (tmp_path / "a.yaml").write_text("seed: 3\n", encoding="utf-8-sig")
    assert read_yaml(tmp_path / "a.yaml")[0] == {"seed": 3}
