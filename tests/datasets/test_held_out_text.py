"""Nothing of the held-out parts of a text gets into what is counted of the training part."""

from collections import Counter
from itertools import pairwise

import pytest
from helpers import QUIET

from dl_runner.build.experiment import build_experiment
from dl_runner.build.training import build_training
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain

MODEL = ("model=ngram", "model.smoothing=absolute", "model.order=2")
TEXTS = ("python_docs", "time_machine", "tiny_shakespeare", "ptb", "text_file")


@pytest.mark.parametrize("sampling", ["sequential", "overlapping"])
@pytest.mark.parametrize("name", TEXTS)
def test_the_counts_are_those_of_the_training_part_alone(text_root, tmp_path, name, sampling):
    place = f"data.root={text_root}"
    if name == "text_file":
        (tmp_path / "text").write_text("beginning middle end " * 1000)
        place = f"data.path={tmp_path / 'text'}"
    own = (f"data={name}", place, f"data.sampling={sampling}", "data.characters=20000")
    experiment = build_experiment(check_config(to_plain(compose([*QUIET, *MODEL, *own]))))
    data, training = experiment.data, build_training(experiment)
    training.model.fit(training.fitting.epoch())
    tokens = data.train.tokens.tolist()
    expected = Counter(pairwise(tokens))
    first, second = training.model.tables
    assert first.counts.sum() == len(tokens)
    assert sorted(second.counts.tolist()) == sorted(expected.values())
    # The parts share no token: together they are the text, or its files.
    splits = [split for split in data.splits if split is not None]
    assert len(splits) >= 2 and all(len(split) > 1000 for split in splits)
    if name != "ptb":
        assert sum(map(len, splits)) == 20_000
