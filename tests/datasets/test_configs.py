"""The YAML files of the groups data and augment say what the builders' signatures say."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose as compose_run
from dl_runner.config.stored import to_plain
from dl_runner.config.types import arguments
from dl_runner.registry import builder

CONF = Path(__file__).parents[2] / "conf"
DATA = sorted(path.stem for path in (CONF / "data").glob("[!_]*.yaml"))
COMMON = {"root", "validation", "folds", "fold", "limit", "image_size", "batch_size", "normalize"}
FILLED_IN = {"root", "seed", "image_size", "normalize", "tokenizer"}


def composed(choice: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(overrides=[f"+{choice}"])


@pytest.mark.parametrize("name", DATA)
def test_a_data_yaml_names_every_keyword_with_its_default(name, monkeypatch):
    monkeypatch.delenv("DLRUN_DATA_DIR", raising=False)
    composition = composed(f"data={name}").data
    assert composition.name == name and composition.root is None and set(composition) >= COMMON
    function = builder("data", composition.get("builder", name))
    parameters = {key: value for key, value in inspect.signature(function).parameters.items() if key not in FILLED_IN}
    own = set(composition) - COMMON - {"name", "builder"}
    assert own == set(parameters)
    missing = {key: "given by the user" for key in own if OmegaConf.is_missing(composition, key)}
    values = OmegaConf.to_container(composition, resolve=True)
    checked = arguments(function, {key: values[key] for key in own} | missing, "data", FILLED_IN)
    if "builder" in composition:  # a choice of a builder's with values of its own
        return
    for key, parameter in parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            assert checked[key] == parameter.default, key


def test_folds_take_the_place_of_the_validation_share():
    plain = to_plain(compose_run(["data.folds=5", "data.fold=3"]))
    data = check_config(plain).data
    assert (data.validation, data.folds, data.fold) == (None, 5, 3)
    assert to_plain(compose_run([]))["data"]["validation"] == 0.1


def test_a_run_folder_older_than_the_folds_is_understood():
    plain = to_plain(compose_run([]))
    del plain["data"]["folds"], plain["data"]["fold"]
    assert check_config(plain).data.folds is None


def test_the_root_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("DLRUN_DATA_DIR", "/some/where")
    assert composed("data=mnist").data.root == "/some/where"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "augment").glob("*.yaml")))
def test_an_augment_yaml_names_functions_and_their_settings(name):
    for part in OmegaConf.to_container(composed(f"augment={name}").augment.transforms):
        settings = {key: value for key, value in part.items() if key != "name"}
        function = builder("augment", part["name"])
        assert set(settings) == set(inspect.signature(function).parameters)
        assert callable(function(**arguments(function, settings, "augment")))
