"""Names to builders: what is an entry, what is none, and what gets imported."""

import subprocess
import sys

import pytest

from dl_runner import registry
from dl_runner.errors import UserError
from dl_runner.registry import MODULES, PACKAGES, builder, register, registered, require

GROUPS = [*PACKAGES, *MODULES]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})


def test_the_groups_of_the_issue_exist():
    assert {"model", "data", "loss", "optimizer", "schedule", "init", "augment"} <= set(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_register_adds_under_the_functions_name_or_another(group):
    def mine():
        return 1

    assert register(group)(mine) is mine
    register(group, "other")(mine)
    assert registered(group) == {"mine": mine, "other": mine}
    assert builder(group, "mine") is builder(group, "other") is mine
    require(group, "other")
    assert all(not registered(other) for other in GROUPS if other != group)


def test_a_registered_name_comes_before_a_built_in_one():
    @register("optimizer")
    def sgd():
        pass

    assert builder("optimizer", "sgd") is sgd


def test_register_refuses_an_unknown_group():
    with pytest.raises(UserError, match=r"register\('modle'\): no such group; did you mean model\?"):
        register("modle")


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("name", ["nosuch", "", "a.b", "../x", "x y"])
def test_an_unknown_name_is_named_with_its_group(group, name):
    with pytest.raises(UserError) as caught:
        builder(group, name)
    assert str(caught.value).startswith(f"{group}.name={name}: no such {group}; ")
    assert f"`dlrun list {group}` shows the choices" in str(caught.value)


def test_an_unknown_name_brings_the_nearest():
    with pytest.raises(UserError, match="did you mean resnet"):
        builder("model", "resnt")
    with pytest.raises(UserError, match="did you mean momentum"):
        builder("optimizer", "momentun")


@pytest.mark.parametrize("group", PACKAGES)
@pytest.mark.parametrize("name", ["nosuch", "", "a.b", "../x"])
def test_require_refuses_what_has_no_module(group, name):
    with pytest.raises(UserError, match=f"no such {group}"):
        require(group, name)


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("loss", "Positive"),
        ("loss", "Callable"),
        ("loss", "F"),
        ("loss", "DataSpec"),
        ("loss", "Loss"),
        ("schedule", "Steps"),
        ("schedule", "math"),
        ("optimizer", "Positive"),
        ("init", "TYPE_CHECKING"),
        ("augment", "PositiveInt"),
        ("model", "__init__"),
        ("task", "losses"),
    ],
)
def test_what_a_module_merely_imports_is_no_entry(group, name):
    with pytest.raises(UserError, match=f"no such {group}"):
        builder(group, name)


@pytest.mark.parametrize(("group", "name"), [("loss", "_two_classes"), ("schedule", "_warmed"), ("init", "_each")])
def test_a_private_helper_is_no_entry(group, name):
    with pytest.raises(UserError, match=f"no such {group}"):
        builder(group, name)


def test_names_are_checked_without_torch_and_without_importing_their_modules():
    code = """
import sys
from dl_runner import registry
from dl_runner.config import compose
from dl_runner.config.check import check_config
from dl_runner.config.stored import to_plain
registry.require("model", "resnet")
registry.require("data", "cifar10")
assert not {"dl_runner.models.resnet", "dl_runner.datasets.cifar10"} & set(sys.modules)
check_config(to_plain(compose.compose(["model=resnet18", "schedule=cosine"])))
assert not {"dl_runner.models.resnet", "dl_runner.datasets.cifar10"} & set(sys.modules)
for group, name in (("optimizer", "adam"), ("schedule", "step"), ("init", "normal")):
    assert registry.builder(group, name).__name__ == name
print(*sorted({"torch", "numpy", "sklearn", "torchvision", "matplotlib"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
