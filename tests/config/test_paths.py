"""A path in a config has one meaning, which the run folder records."""

from pathlib import Path

import pytest
import yaml

from dl_runner import register, registry
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.paths import find_data, portable, shown
from dl_runner.config.stored import CONFIG, load_run, to_plain, to_yaml
from dl_runner.errors import UserError

IMAGES = ("data=image_folder", "data.path=pets")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working directory; the folder of all data sets is beside it."""
    monkeypatch.delenv("DLRUN_DATA_DIR", raising=False)
    monkeypatch.delenv("DLRUN_OUTPUT_DIR", raising=False)
    for name in ("here", "root"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def plain(*overrides):
    return to_plain(compose(overrides))


def checked(*overrides):
    return check_config(plain(*overrides))


def path_of(config) -> Path:
    assert config.plain["data"]["path"] == config.data.arguments["path"]
    return Path(config.data.arguments["path"])


@pytest.mark.parametrize("place", ["here", "root"])
@pytest.mark.parametrize("root", ["data.root=../root", "data.root={}/root"])
def test_a_data_path_is_where_it_exists(here, place, root):
    (here.parent / place / "pets").mkdir()
    found = path_of(checked(*IMAGES, root.format(here.parent)))
    assert found.is_absolute() and found.samefile(here.parent / place / "pets")


def test_a_data_path_of_two_meanings_is_refused_and_both_are_named(here):
    root = here.parent / "root"
    for place in (here, root):
        (place / "pets").mkdir()
    with pytest.raises(UserError, match=rf"^data\.path=pets: .* data\.path={root}/pets or data\.path={here}/pets$"):
        checked(*IMAGES, f"data.root={root}")
    assert path_of(checked(IMAGES[0], "data.path=./pets", f"data.root={root}")) == here / "pets"
    assert path_of(checked(IMAGES[0], f"data.path={root}/pets", f"data.root={root}")) == root / "pets"
    with pytest.raises(UserError, match="write which one"):
        find_data("pets", root)


def test_one_folder_by_two_names_is_no_ambiguity(here):
    (here / "pets").mkdir()
    root = here.parent / "root"
    (root / "pets").symlink_to(here / "pets")
    assert path_of(checked(*IMAGES, f"data.root={root}")) == root / "pets"
    assert path_of(checked(*IMAGES, f"data.root={here}")) == here / "pets"


def test_without_a_root_the_users_cache_is_the_folder_of_all_data_sets(here, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    (here / "cache" / "dl_runner" / "pets").mkdir(parents=True)
    assert path_of(checked(*IMAGES)) == here / "cache" / "dl_runner" / "pets"


def test_every_other_path_is_relative_to_the_working_directory(here):
    (here / "old_run").mkdir()
    config = checked("pretrained.from=old_run", "outputs=mine", "data.root=data")
    assert config.pretrained.source == config.plain["pretrained"]["from"] == str(here / "old_run")
    assert str(config.outputs) == config.plain["outputs"] == str(here / "mine")
    assert str(config.data.root) == config.plain["data"]["root"] == str(here / "data")
    assert checked("pretrained.from=torchvision:resnet18").pretrained.source == "torchvision:resnet18"


def test_a_run_folder_says_the_same_from_everywhere(here, monkeypatch, tmp_path):
    (here / "pets").mkdir()
    config, run = checked(*IMAGES, "data.root=../root", "outputs=mine"), tmp_path / "run"
    run.mkdir()
    (run / CONFIG).write_text(to_yaml(config.plain))
    (here.parent / "root" / "pets").mkdir()  # made later
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "pets").mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert load_run(run).plain == config.plain


def test_what_was_below_a_root_that_has_moved_is_below_the_new_one(here, monkeypatch, tmp_path):
    (here.parent / "root" / "pets").mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / CONFIG).write_text(to_yaml(checked(*IMAGES, "data.root=../root").plain))
    monkeypatch.setenv("DLRUN_DATA_DIR", "../moved")
    assert path_of(load_run(run)).samefile(here.parent / "root" / "pets")  # it is still there
    (here.parent / "root").rename(here.parent / "moved")
    assert path_of(load_run(run)).samefile(here.parent / "moved" / "pets")


def test_a_relative_path_in_an_older_run_folder_is_below_its_root(here, tmp_path):
    for place in ("here", "root"):
        (here.parent / place / "pets").mkdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / CONFIG).write_text(yaml.safe_dump(plain(*IMAGES, f"data.root={here.parent / 'root'}")))
    assert path_of(load_run(run)) == here.parent / "root" / "pets"


def test_the_same_data_are_one_job_of_a_sweep_wherever_they_are_and_however_they_are_written(here):
    root, other = here.parent / "root", here.parent / "other"
    (root / "pets").mkdir()
    (other / "pets").mkdir(parents=True)

    def data(path, root):
        return {**portable(plain(IMAGES[0], f"data.path={path}", f"data.root={root}"))["data"], "root": None}

    assert data("pets", root) == data(root / "pets", "../root") == data("pets", other)
    (here / "dogs").mkdir()
    assert data("dogs", root) == data(here / "dogs", other) != data("pets", root)


def test_a_path_that_a_builder_asks_for_is_recorded_absolutely(here, monkeypatch):
    from dl_runner.build.experiment import build_experiment

    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    given = {}

    @register("schedule")
    def of_file(horizon, *, file: Path, more: list[Path] = (), other: Path = Path("default"), name: str = "x"):
        given.update(file=file, more=more)
        return lambda step: 1.0

    changed = {"name": "of_file", "file": "rates.csv", "more": ["a", "b"], "name_": None}
    config = check_config({**plain(), "schedule": {k: v for k, v in changed.items() if k != "name_"}})
    recorded = build_experiment(config).config.plain["schedule"]
    assert recorded == {"name": "of_file", "file": str(here / "rates.csv"), "more": [str(here / "a"), str(here / "b")]}
    assert given == {"file": here / "rates.csv", "more": [here / "a", here / "b"]}


def test_a_folder_is_shown_as_people_write_it(here):
    assert shown(here / "outputs" / "x") == Path("outputs/x")
    assert shown(here.parent / "x") == here.parent / "x"
