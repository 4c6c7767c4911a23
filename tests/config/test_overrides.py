"""KEY=VALUE arguments: what is refused before Hydra sees it."""

import pytest

from dl_runner.config.overrides import has_effect, key_of, read_overrides
from dl_runner.errors import UserError

REFUSED = [
    ("", "'': an empty argument"),
    ("  ", "'  ': an empty argument"),
    ("foo", "foo: no KEY=VALUE"),
    ("=3", "=3: no key"),
    ("+=3", "+=3: no key"),
    ("seed=a\nb", "'seed=a\\nb': has a character"),
    ("seed:a\nb", "'seed:a\\nb': has a character"),
    ("hydra.run.dir=x", "hydra.run.dir=x: dlrun makes its folders itself and ignores this; outputs=x"),
    ("hydra.sweep.dir=x", "hydra.sweep.dir=x: dlrun makes its folders itself"),
    ("hydra.output_subdir=null", "hydra.output_subdir=null: dlrun makes its folders itself"),
    ("+hydra.job.chdir=true", "+hydra.job.chdir=true: dlrun makes its folders itself"),
    ("hydra.job.name=x", "hydra.job.name=x: has no effect in dlrun"),
    ("hydra/job_logging=none", "hydra/job_logging=none: has no effect in dlrun"),
    ("hydra=x", "hydra=x: has no effect in dlrun"),
    ("~hydra", "~hydra: has no effect in dlrun"),
    ("hydra.launcher._target_=evil.x", "hydra.launcher._target_=evil.x: _target_ names code to run"),
    ("++hydra.sweeper._target_='evil.x'", "++hydra.sweeper._target_='evil.x': _target_ names code to run"),
    ("hydra.launcher={_target_: evil.x}", "hydra.launcher={_target_: evil.x}: _target_ names code to run"),
    ("+hydra.sweeper.params={_target_: os.system}", "+hydra.sweeper.params={_target_: os.system}: _target_ names code"),
    ("hydra.launcher.a._target_=hydra_plugins.x", "hydra.launcher.a._target_=hydra_plugins.x: _target_ names code"),
    ("hydra.searchpath=[nowhere]", "hydra.searchpath nowhere: no such folder"),
    ("hydra.searchpath=nowhere", "hydra.searchpath=nowhere: expected a list of folders"),
    ("hydra.searchpath=[", "hydra.searchpath=[: expected a list of folders"),
    ("~trainer.clip_norm", "~trainer.clip_norm: every run has trainer.clip_norm; set it with trainer.clip_norm=VALUE"),
    ("~trainer", "~trainer: every run has trainer; choose another one with trainer=NAME"),
    ("~model.name", "~model.name: every run has model.name"),
    ("~seed", "~seed: every run has seed; set it with seed=VALUE"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_an_argument_that_is_no_override_is_refused_with_the_remedy(override, message):
    with pytest.raises(UserError) as caught:
        read_overrides(["model=mlp", override])
    assert str(caught.value).startswith(message)


def test_what_has_an_effect_is_handed_on(tmp_path):
    target = "hydra.launcher._target_=hydra_plugins.mine.Launcher"
    given = [
        target,
        "model=mlp",
        "~model.dropout",
        "+model.width=3",
        "hydra/launcher=local",
        "hydra.launcher.jobs=2",
        "a=b=c",
    ]
    assert read_overrides([*given, f"hydra.searchpath=[{tmp_path}]"]) == (given, (tmp_path,))
    assert read_overrides(given) == (given, ())


def test_folders_of_the_option_come_before_those_of_the_search_path(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    _, folders = read_overrides([f"hydra.searchpath=['{tmp_path}/two']"], [tmp_path / "one"])
    assert folders == (tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize(
    ("override", "key"),
    [("a.b=1", "a.b"), ("++a=b=c", "a"), ("~a", "a"), ("+group@package=x", "group"), ("a/b=c", "a/b")],
)
def test_the_key_of_an_override(override, key):
    assert key_of(override) == key


def test_which_of_hydras_own_settings_have_an_effect():
    assert has_effect("hydra/launcher") and has_effect("hydra.sweeper.max_batch_size")
    assert not has_effect("hydra.run.dir") and not has_effect("hydra/help")
