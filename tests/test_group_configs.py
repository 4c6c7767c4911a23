"""conf/ against the code: names, keys, defaults, and every option of every group composed and checked."""

import inspect
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import dl_runner
from dl_runner.builders import GIVEN
from dl_runner.checks import arguments, convert
from dl_runner.compose import CONF, choices, compose, groups
from dl_runner.config import check, to_plain
from dl_runner.registry import MODULES, PACKAGES, builder

FUNCTION_GROUPS = ["loss", "optimizer", "schedule", "init"]
BUILT = [(group, name) for group in ["model", *FUNCTION_GROUPS] for name in choices(group)]
EXPERIMENTS = choices("experiment")
OPTIONS = [f"{group}={name}" for group in groups() for name in choices(group)]


def contents(group: str, name: str) -> dict:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


def experiment(overrides: list[str]):
    missing = ["data.path=x"] if "data=image_folder" in overrides else []
    return check(to_plain(compose([*overrides, *missing])))


def test_the_groups_of_the_issue_exist():
    wanted = "data model loss optimizer schedule regularization init augment device trainer tracker experiment debug"
    assert set(wanted.split()) <= set(groups()) and EXPERIMENTS


def test_models_are_modules_are_yaml_files_are_names():
    folder = Path(dl_runner.__file__).parent / "models"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    stems = set(choices("model"))
    assert modules == stems == {contents("model", stem)["name"] for stem in stems}
    assert all(builder("model", stem).__name__ == stem for stem in stems)


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
    function = builder(group, name)
    parameters = {key: one for key, one in inspect.signature(function).parameters.items() if key not in GIVEN[group]}
    values = {key: value for key, value in contents(group, name).items() if key != "name"}
    assert set(values) == set(parameters)
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in parameters.values())
    result = arguments(function, values, group, GIVEN[group])
    for key, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            annotation = parameter.annotation
            if isinstance(annotation, str):
                annotation = eval(annotation, vars(sys.modules[function.__module__]))
            assert result[key] == convert(parameter.default, annotation), key


@pytest.mark.parametrize(("group", "name"), BUILT)
def test_what_the_program_gives_is_positional_and_first(group, name):
    parameters = inspect.signature(builder(group, name)).parameters
    assert set(list(parameters)[: len(GIVEN[group])]) == GIVEN[group]


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes_and_passes_the_check(option):
    group, _, name = option.partition("=")
    config = experiment([option])
    if group in PACKAGES or group in FUNCTION_GROUPS:
        assert getattr(config, group).name == name
        assert "name" not in getattr(config, group).arguments


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_has_one_length_and_takes_another_in_steps(name):
    trainer = yaml.safe_load((CONF / "experiment" / f"{name}.yaml").read_text()).get("trainer", {})
    assert trainer.get("steps") is None or trainer.get("epochs") is None
    own = experiment([f"experiment={name}"]).trainer
    assert (own.steps is None) != (own.epochs is None)
    other = experiment([f"experiment={name}", "trainer.steps=5"])
    assert (other.trainer.steps, other.trainer.epochs) == (5, None)
    assert other.plain["trainer"]["epochs"] is None


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("debug", choices("debug"))
def test_every_experiment_can_be_debugged(name, debug):
    trainer = experiment([f"experiment={name}", f"debug={debug}"]).trainer
    assert trainer.steps and trainer.epochs is None


def test_configs_are_data_and_never_code():
    assert not [path for path in CONF.rglob("*.yaml") if "_target_" in path.read_text()]


def test_no_model_yaml_holds_a_size_that_the_data_decide():
    keys = {key for name in choices("model") for key in contents("model", name)}
    assert not keys & {"channels", "classes", "num_classes", "inputs", "outputs", "in_channels", "image_size"}
