"""Files of the user's own: what they say is used, and what Hydra would misread is named with its line."""

from pathlib import Path

import pytest

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import UserError

HEADER = "# @package _global_\n"


def composed(folder: Path, text: str | bytes, place: str = "experiment/mine.yaml", *overrides: str) -> dict:
    """What a line with one file of one's own composes; it is chosen by `place`."""
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    group, _, name = place.removesuffix(".yaml").partition("/")
    return to_plain(compose([f"{group}={name}", *overrides], [folder]))


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}defaults:\n  - override /model: mlp\nseed: 3\n",
        f"# What it is for.\n\n{HEADER}defaults:\n  - override /model: mlp\nseed: 3\n",
        "#@package  _global_\ndefaults: [override /model: mlp]\nseed: 3\n",
        b"\xef\xbb\xbf# @package _global_\r\ndefaults:\r\n  - override /model: mlp\r\nseed: 3\r\n",
    ],
)
def test_an_experiment_that_says_what_it_means_is_used(text, tmp_path):
    plain = composed(tmp_path, text)
    assert (plain["model"]["name"], plain["seed"]) == ("mlp", 3)


MISREAD = [
    ("seed: 3\n", ":1: ", "'# @package _global_'"),
    ("defaults:\n  - override /model: mlp\n", ":1: ", "'# @package _global_'"),
    (f"seed: 3\n{HEADER}", ":2: ", "above the first key"),
    (f"{HEADER}defaults:\n  - model: mlp\n", ":3: ", "'- override /model: mlp'"),
    (f"{HEADER}defaults:\n  - /model: mlp\n", ":3: ", "'- override /model: mlp'"),
    (f"{HEADER}defaults:\n  - override model: mlp\n", ":3: ", "'- override /model: mlp'"),
    (f"{HEADER}defaults:\n  override /model: mlp\n", ":3: ", "begins with '- '"),
    (f"{HEADER}model: mlp\n", ":2: ", "'- override /model: mlp'"),
    (f"{HEADER}optimizer.lr: 0.05\n", ":2: ", "'optimizer: {lr: 0.05}'"),
    (f"{HEADER}trainer:\n  a.b.c: [1]\n", ":3: ", "'a: {b: {c: …}}'"),
    (f"{HEADER}hydra:\n  run:\n    dir: mine\n", ":4: ", "outputs=mine"),
    (f"{HEADER}hydra: {{job: {{name: x}}}}\n", ":2: ", "hydra.job.name: has no effect"),
    (f"{HEADER}defaults:\n  - override /hydra/job_logging: none\n", ":3: ", "hydra/job_logging has no effect"),
    ("model=mlp\n", ":1: ", "KEY: VALUE"),
    ("- a\n", ":1: ", "KEY: VALUE"),
    (f"{HEADER}? [a]\n: 1\n", ":2: ", "key"),
    (f"{HEADER}seed: ${{\n", ": seed: ", "${"),
]


@pytest.mark.parametrize(("text", "line", "words"), MISREAD)
def test_what_hydra_would_misread_is_named_with_its_line_and_the_right_form(text, line, words, tmp_path):
    with pytest.raises(UserError) as caught:
        composed(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/experiment/mine.yaml{line}") and words in message and "\n" not in message


@pytest.mark.parametrize(
    ("text", "override", "message"),
    [
        ("seed: 010\n", "seed=010", "expected a whole number"),
        ("seed: 0x10\n", "seed=0x10", "expected a whole number"),
        ("trainer:\n  epochs: 1:30\n", "trainer.epochs=1:30", "expected a number"),
        ("data:\n  normalize: yes\n", "data.normalize=yes", "expected true or false"),
    ],
)
def test_what_yaml_would_make_another_number_is_refused_as_on_the_command_line(text, override, message, tmp_path):
    for plain in (composed(tmp_path, HEADER + text), to_plain(compose([override]))):
        with pytest.raises(UserError, match=f"{override}: {message}"):
            check_config(plain)


def test_a_choice_of_ones_own_may_be_made_of_ours(tmp_path):
    plain = composed(tmp_path, "defaults: [momentum, _self_]\nlr: 0.03\n", "optimizer/mine.yaml")
    assert plain["optimizer"] == {"name": "momentum", "lr": 0.03, "momentum": 0.9, "nesterov": False}


def test_a_name_of_ours_in_ones_own_folder_wins(tmp_path):
    plain = composed(tmp_path, "name: momentum\nlr: 0.0777\n", "optimizer/sgd.yaml")
    assert plain["optimizer"] == {"name": "momentum", "lr": 0.0777}
    assert (
        composed(tmp_path, "name: momentum\nlr: 0.0777\n", "optimizer/sgd.yaml", "model=mlp")["model"]["name"] == "mlp"
    )
    assert to_plain(compose([], [tmp_path]))["optimizer"]["lr"] == 0.0777  # where it is the default, too


@pytest.mark.parametrize(
    "text", ["", "# what it is for\n", "\n\n", "{}\n", HEADER, f"{HEADER}# nothing yet\n", "---\n"]
)
@pytest.mark.parametrize("group", ["experiment", "debug"])
def test_a_file_that_says_nothing_changes_nothing(group, text, tmp_path):
    assert composed(tmp_path, text, f"{group}/mine.yaml") == to_plain(compose([]))


@pytest.mark.parametrize(
    ("place", "text", "line"),
    [
        ("experiment/mine.yaml", f"{HEADER}hydra:\n  launcher:\n    _target_: evil.x\n", 4),
        ("experiment/mine.yaml", f"{HEADER}hydra:\n  sweeper:\n    _target_: evil.x\n", 4),
        ("hydra/launcher/mine.yaml", "_target_: evil.x\n", 1),
        ("hydra/sweeper/mine.yaml", "_target_: hydra_plugins.a.B\nparams:\n  _target_: os.system\n", 3),
        ("hydra/sweeper/mine.yaml", "params: {_target_: {}}\n", 1),
    ],
)
def test_no_file_names_code_to_run(place, text, line, tmp_path):
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(text)
    with pytest.raises(UserError) as caught:
        compose([f"{Path(place).parent}=mine"], [tmp_path])
    told = str(caught.value)
    assert told.startswith(f"{tmp_path / place}:{line}: hydra.") and "_target_ names code to run" in told
