"""Labels of tokens: a run on brackets, and what it says of a user's."""

import pytest
from helpers import run

from dl_runner.errors import UserError
from dl_runner.running.inference import evaluate_run, predict

OPTIONS = (
    *("data=brackets", "data.target=matched", "data.kinds=1", "data.longest=6", "data.examples=300"),
    *("data.test_examples=80", "data.batch_size=16", "model=gru", "model.hidden=12", "init=default"),
    *("optimizer=adam", "optimizer.lr=0.02", "trainer.epochs=12"),
)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_who_has_a_partner_is_learnt_from_both_sides(bidirectional, tmp_path):
    folder = run(tmp_path, *OPTIONS, f"model.bidirectional={str(bidirectional).lower()}").record.folder
    found = evaluate_run(folder, "test", None).metrics
    assert (found["test/accuracy"] > 0.95) is bidirectional
    if bidirectional:
        rows = predict(folder, ["(())", "(()"], None, {})
        assert rows[0] == {"text": "(())", "labels": "matched matched matched matched"}
        with pytest.raises(UserError, match="has '<', and the model knows"):
            predict(folder, ["<>"], None, {})


def test_data_that_have_no_labels_of_tokens_are_refused(tmp_path):
    with pytest.raises(UserError, match="task=labelling: learns from tokens"):
        run(tmp_path, "data=digits", "task=labelling")
