"""Two processes learn from buckets of sentence pairs what one learns, each with its own padding."""

import pytest
import work
from helpers import rows

# Batches of 5: the processes have 3 and 2; the last of an epoch has 2.
PAIRS = (
    *("data=number_words", "data.numbers=40", "data.batch_size=5", "data.validation=0.2", "trainer.steps=9"),
    *("model=seq2seq", "model.hidden=6", "model.embedding=6", "model.layers=1", "model.dropout=0.0", "init=default"),
    *("optimizer=adam", "trainer.clip_norm=0.5", "trainer.log_every=1 steps", "trainer.epochs=null"),
)


@pytest.mark.parametrize("options", [(), ("trainer.accumulate=2", "data.limit=25")], ids=["whole", "parts"])
def test_two_processes_train_as_one(options, pair, tmp_path):
    work.train(tmp_path / "alone", *PAIRS, *options)
    pair.run(work.train, tmp_path / "pair", *PAIRS, *options, "parallel=ddp")
    ours, theirs = (
        [row[key] for row in rows(tmp_path / which / "run") for key in row if key.endswith("/loss")]
        for which in ("pair", "alone")
    )
    assert len(theirs) >= 10 and ours == pytest.approx(theirs, rel=1e-9)
