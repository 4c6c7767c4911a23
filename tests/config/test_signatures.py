"""Signatures read from the source are those that Python has."""

import inspect
import pkgutil

import pytest

from dl_runner import registry
from dl_runner.config.signatures import first_line, parameters
from dl_runner.config.types import annotation_of, describe

NAMES = {
    **{group: [one.name for one in pkgutil.iter_modules(__import__(package, fromlist=["_"]).__path__)]
       for group, package in registry.PACKAGES.items()},
    **{group: [name for module in modules for name in registry._builders(module)]
       for group, modules in registry.MODULES.items()},
}  # fmt: skip


@pytest.mark.parametrize("group", NAMES)
def test_a_signature_is_read_without_importing_the_builder(group):
    read = 0
    for name in NAMES[group]:
        try:
            function = registry.builder(group, name)
        except registry.UnknownName:  # a module of helpers
            assert parameters(group, name) == ()
            continue
        signature = inspect.signature(function).parameters
        only = [one for one in signature.values() if one.kind is one.KEYWORD_ONLY]
        given = registry.GIVEN.get(group, set())
        wanted = {one.name: describe(annotation_of(function, one)) for one in only if one.name not in given}
        found = {one.name: one.takes for one in parameters(group, name)}
        assert list(found) == list(wanted), name
        assert all(words in ("", wanted[key]) for key, words in found.items()), name
        read += sum(map(bool, found.values()))
        for one in parameters(group, name):
            default = signature[one.name].default
            assert (one.default is None) == (default is inspect.Parameter.empty), f"{name}.{one.name}"
        assert first_line(group, name)
    assert read or not any(parameters(group, name) for name in NAMES[group])


def test_the_arguments_of_a_docstring_say_what_they_mean():
    told = {one.name: one.meaning for one in parameters("model", "lenet")}
    assert told["pooling"] == "of each 2×2 window."
    assert parameters("model", "no_such_model") == () and first_line("model", "no_such_model") is None
