"""A GPT in two processes learns what it learns in one."""

import pytest
import torch
import work
from helpers import rows
from safetensors.torch import load_file

# 5 rows: the processes have 3 and 2.
GPT = (
    *("data=python_docs", "data.characters=1000", "data.steps=8", "data.batch_size=5", "trainer.steps=12"),
    *("model=gpt", "model.layers=2", "model.heads=2", "model.width=8", "init=default", "optimizer=adamw"),
    *("trainer.clip_norm=0.5", "trainer.log_every=1 steps", "regularization.weight_decay=0.1"),
)


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_two_processes_train_as_one(name, pair, tmp_path):
    work.train(tmp_path / "alone", *GPT)
    pair.run(work.train, tmp_path / "pair", *GPT, f"parallel={name}")
    folders = [tmp_path / which / "run" for which in ("pair", "alone")]
    ours, theirs = ([row[key] for row in rows(one) for key in row if key.endswith("/loss")] for one in folders)
    assert len(theirs) > 12 and ours == pytest.approx(theirs, rel=1e-9)
    weights, others = (load_file(folder / "checkpoints" / "last.safetensors") for folder in folders)
    for key, value in weights.items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(value, others[key], rtol=1e-9, atol=1e-9)
