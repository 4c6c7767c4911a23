"""What holds for every lesson: its module, function and YAML file have one name, and the YAML says what it shows."""

import inspect
from pathlib import Path

import pytest
import yaml

import dl_runner
from dl_runner.config.search_path import CONF, choices
from dl_runner.config.types import arguments, convert
from dl_runner.registry import builder

LESSONS = [name.removeprefix("lessons/") for name in choices("experiment") if name.startswith("lessons/")]


def test_lessons_are_modules_are_yaml_files():
    modules = {path.stem for path in (Path(dl_runner.__file__).parent / "lessons").glob("*.py")}
    assert modules - {"__init__", "lesson"} == set(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lessons_yaml_says_what_it_shows_and_names_every_keyword_with_its_default(name):
    text = (CONF / "experiment" / "lessons" / f"{name}.yaml").read_text()
    package, purpose = text.splitlines()[:2]
    assert package == "# @package _global_" and purpose.startswith("# ") and len(purpose) > 30
    lesson = yaml.safe_load(text)["lesson"]
    function = builder("lesson", lesson.pop("name"))
    assert function.__name__ == name and function.__doc__
    bound = arguments(function, lesson, "lesson", {"lesson"})
    parameters = dict(inspect.signature(function).parameters)
    assert parameters.pop("lesson").kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    for key, one in parameters.items():
        assert one.default is one.empty or convert(one.default, one.annotation) == bound[key], key
    assert set(bound) == set(parameters)
