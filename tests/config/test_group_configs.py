"""conf/ against the code: names, keys, defaults, and every option of every group composed and checked."""

import functools
import inspect
import re
import sys
from importlib import import_module
from itertools import zip_longest
from pathlib import Path

import pytest
import yaml

import dl_runner
from dl_runner.config.check import check_config as check
from dl_runner.config.compose import compose
from dl_runner.config.describe import describe
from dl_runner.config.search_path import CONF, SEVERAL, choices, groups
from dl_runner.config.stored import to_plain
from dl_runner.config.types import arguments, convert
from dl_runner.registry import GIVEN, MODULES, PACKAGES, builder

FUNCTION_GROUPS = ["loss", "optimizer", "schedule", "init"]
BUILT = [
    (group, name)
    for group in ["model", "task", "tokenizer", *FUNCTION_GROUPS]
    for name in choices(group)
    if (group, name) not in (("task", "auto"), ("tokenizer", "auto"))  # which the data choose
]
EXPERIMENTS = choices("experiment")
GIVEN_BY_USER = {  # what a choice has no default for
    "data=image_folder": ["data.path=x"],
    "data=csv": ["data.path=x", "data.target=y"],
    "data=parallel_text": ["data.path=x"],
    "data=text_file": ["data.path=x"],
    "data=labelled_files": ["data.path=x", "data.labels=x.csv"],
    "pretrained=in_order": ["pretrained.from=x"],
    "task=distillation": ["task.teacher=x", "task.teacher_weights=0"],
    "experiment=transfer/student_distilled": ["task.teacher=x", "task.teacher_weights=0"],
}
ALONE = ["data", "model", "loss", "experiment", "debug"]  # they must suit each other, and the groups beside them
BESIDE = [[f"{group}={name}" for name in choices(group)] for group in groups() if group not in ALONE]
# A composition takes a tenth of a second: one holds an option of each group that suits all others.
OPTIONS = [
    *([f"{group}={name}"] for group in ALONE for name in choices(group)),
    *([option for option in one if option] for one in zip_longest(*BESIDE)),
]


def contents(group: str, name: str) -> dict:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


def builder_name(group: str, name: str) -> str:
    return contents(group, name).get("builder", name)


def overridden(content: dict) -> set[str]:
    """The groups that an experiment or a debug preset chooses for itself."""
    return {key for one in content.get("defaults", ()) if isinstance(one, dict) for key in one}


def kinds_of_experiments() -> list[str]:
    """One experiment of each kind that a debug preset can tell apart: by what both of them set."""
    touched = [contents("debug", name) for name in choices("debug")]
    groups_of_debug = set().union(*map(overridden, touched))
    kinds = {}
    for name in EXPERIMENTS:
        own = contents("experiment", name)
        keys = ((section, key) for section in ("data", "trainer") for key in own.get(section, {}))
        common = frozenset(pair for pair in keys if any(pair[1] in preset.get(pair[0], {}) for preset in touched))
        kinds.setdefault((common, frozenset(overridden(own) & groups_of_debug), "lesson" in own), name)
    return list(kinds.values())


@functools.cache
def experiment(*overrides: str):
    missing = [value for choice, values in GIVEN_BY_USER.items() if choice in overrides for value in values]
    return check(to_plain(compose([*overrides, *missing])))


def test_the_groups_of_the_issue_exist():
    wanted = "data model loss optimizer schedule regularization init augment device trainer tracker experiment debug"
    assert set(wanted.split()) <= set(groups()) and EXPERIMENTS


@pytest.mark.parametrize(("group", "room"), [("model", "models"), ("data", "datasets")])
def test_modules_are_the_builders_of_yaml_files_which_are_names(group, room):
    modules = {path.stem for path in (Path(dl_runner.__file__).parent / room).glob("*.py")} - {"__init__"}
    stems = set(choices(group))
    assert modules == {builder_name(group, stem) for stem in stems}
    assert stems == {contents(group, stem)["name"] for stem in stems}
    assert all(builder(group, module).__name__ == module for module in modules)


@pytest.mark.parametrize("group", ["task", "tokenizer"])
def test_what_the_data_choose_by_themselves_can_be_chosen(group):
    stems = set(choices(group)) - {"auto"}
    assert stems and all(builder(group, stem).__name__ == stem == contents(group, stem)["name"] for stem in stems)


@pytest.mark.parametrize("group", FUNCTION_GROUPS)
def test_functions_of_a_module_are_yaml_files_are_names(group):
    functions = {
        name
        for module in map(import_module, MODULES[group])
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    stems = set(choices(group))
    assert functions == stems == {contents(group, stem)["name"] for stem in stems}


@pytest.mark.parametrize(("group", "name"), BUILT)
def test_a_yaml_holds_the_builders_keywords_with_their_defaults(group, name):
    function = builder(group, builder_name(group, name))
    parameters = {key: one for key, one in inspect.signature(function).parameters.items() if key not in GIVEN[group]}
    values = {key: value for key, value in contents(group, name).items() if key not in ("name", "builder")}
    assert set(values) == set(parameters)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    result = arguments(function, values, group, GIVEN[group])
    if "builder" in contents(group, name):  # several choices of one builder differ in what its defaults could be
        return
    for key, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            annotation = parameter.annotation
            if isinstance(annotation, str):
                annotation = eval(annotation, vars(sys.modules[function.__module__]))
            assert result[key] == convert(parameter.default, annotation), key


@pytest.mark.parametrize(("group", "name"), BUILT)
def test_what_the_program_gives_is_positional_and_first(group, name):
    parameters = inspect.signature(builder(group, builder_name(group, name))).parameters
    given = [key for key in parameters if key in GIVEN[group]]
    assert list(parameters)[: len(given)] == given
    assert group in ("task",) or set(given) == GIVEN[group]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_every_option_composes_and_passes_the_check(options):
    config = experiment(*options)
    for option in options:
        group, _, name = option.partition("=")
        if group not in SEVERAL and (group in PACKAGES or group in FUNCTION_GROUPS):
            assert getattr(config, group).name == name
            assert "name" not in getattr(config, group).arguments


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_one_length(name):
    trainer = contents("experiment", name).get("trainer", {})
    assert trainer.get("steps") is None or trainer.get("epochs") is None
    own = experiment(f"experiment={name}").trainer
    assert (own.steps is None) != (own.epochs is None)


def lengths_of_experiments() -> list[str]:
    """One experiment of each way to write a length, whatever the number."""
    ways = {}
    for name in EXPERIMENTS:
        trainer = contents("experiment", name).get("trainer", {})
        ways.setdefault(tuple(re.sub(r"\d+", "N", str(trainer.get(key))) for key in ("steps", "epochs")), name)
    return list(ways.values())


@pytest.mark.parametrize("name", lengths_of_experiments())
def test_an_experiment_takes_another_length_in_steps(name):
    other = experiment(f"experiment={name}", "trainer.steps=5")
    assert (other.trainer.steps, other.trainer.epochs) == (5, None)
    assert other.plain["trainer"]["epochs"] is None


@pytest.mark.parametrize("name", kinds_of_experiments())
@pytest.mark.parametrize("debug", choices("debug"))
def test_every_kind_of_experiment_can_be_debugged(name, debug):
    trainer = experiment(f"experiment={name}", f"debug={debug}").trainer
    assert trainer.steps and trainer.epochs is None


@pytest.mark.parametrize("group", groups())
def test_every_option_says_what_it_is_in_a_line(group):
    lines = {name: describe(group, name) for name in choices(group)}
    assert not {name: line for name, line in lines.items() if not line.endswith(".")}


def test_configs_are_data_and_never_code():
    assert not [path for path in CONF.rglob("*.yaml") if "_target_" in path.read_text()]


def test_no_model_yaml_holds_a_size_that_the_data_decide():
    keys = {key for name in choices("model") for key in contents("model", name)}
    assert not keys & {"channels", "classes", "num_classes", "inputs", "outputs", "in_channels", "image_size"}
