import sys

import pytest

from dl_runner.cli.app import run
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError


def plain(*overrides: str) -> dict:
    return to_plain(compose(overrides))


@pytest.mark.parametrize(
    ("key", "others"),
    [
        ("trainer.clip_norm", ()),
        ("data.limit", ()),
        ("regularization.early_stopping", ()),
        ("schedule.warmup", ("schedule=cosine",)),
        ("seed", ()),
    ],
)
@pytest.mark.parametrize("word", ["nope", "job.nope", "runtime.nope", "x.y", "runtime.cwd.x"])
def test_a_key_that_hydra_lacks_is_no_null(key, others, word):
    with pytest.raises(UserError) as caught:
        plain(*others, f"{key}=${{hydra:{word}}}")
    assert str(caught.value) == f"{key}: ${{hydra:{word}}} refers to a key that does not exist"


def test_what_hydra_has_is_given_null_included():
    found = plain("data.limit=${hydra:runtime.choices.experiment}", "outputs=${hydra:runtime.choices.data}/x")
    assert (found["data"]["limit"], found["outputs"]) == (None, "digits/x")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("${hydra:job.num}", "${hydra:job.num} has no value in this run"),
        ("${hydra:}", "${hydra:…} takes a key, ${hydra:KEY}; it has 0 arguments"),
        ("${unless:}", "${unless:…} takes a key and a value, as in ${unless:${.steps},10}; it has 0 arguments"),
        ("${unless:1,2,3}", "${unless:…} takes a key and a value, as in ${unless:${.steps},10}; it has 3 arguments"),
        ("${expanduser:3}", "${expanduser:PATH}: expected a path, not 3"),
        ("${expanduser:}", "${expanduser:…} takes a path, ${expanduser:PATH}; it has 0 arguments"),
        ("${python_version:foo}", "${python_version:LEVEL}: expected major, minor or micro"),
        ("${python_version:major,minor}", "${python_version:LEVEL}: expected major, minor or micro"),
        ("${oc.env:}", "env() missing 1 required positional argument: 'key'"),
    ],
)
def test_odd_arguments_are_refused_in_one_line(value, message):
    with pytest.raises(UserError) as caught:
        plain(f"data.limit={value}")
    assert str(caught.value) == f"data.limit: {message}"


def test_values_of_the_resolvers(monkeypatch):
    monkeypatch.setenv("HOME", "/somebody")
    found = plain(
        'outputs=${expanduser:"~/a"}', "seed='${unless:${trainer.steps},7}'", "data.limit=${python_version:major}"
    )
    assert (found["outputs"], found["seed"]) == ("/somebody/a", 7)
    assert found["data"]["limit"] == str(sys.version_info[0])
    assert plain("data.limit='${unless:${seed},7}'")["data"]["limit"] is None


def test_what_cfg_shows_resolved_is_checked_too(capsys):
    assert run(["--cfg", "job", "--resolve", "data.limit=${hydra:nope}"]) == 2
    assert capsys.readouterr().err == "dlrun: data.limit: ${hydra:nope} refers to a key that does not exist\n"
    assert run(["--cfg", "job", "--resolve", "data=image_folder"]) == 0 and "path: ???" in capsys.readouterr().out
