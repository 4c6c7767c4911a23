"""Asked to stop in the middle of an evaluation: at once, with a checkpoint, and it goes on as if it never had been.

"At once" is measured in batches: not one more is evaluated after the signal.
"""

import itertools
import signal

import pytest
from damage import ALL, results
from helpers import QUIET
from kills import RUNS

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.errors import Interrupted
from dl_runner.run.launch import launch, resume
from dl_runner.tracking.run_folder import RunRecord
from dl_runner.training import evaluation

KINDS = [*RUNS] if ALL else ["regression"]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def config(kind):
    return check_config(
        to_plain(compose([*QUIET, *RUNS[kind], "data.batch_size=4", "trainer.steps=9", "trainer.evaluate_batches=3"]))
    )


class Batches:
    """Counts the batches that are evaluated, and raises a signal in one of them."""

    def __init__(self, number: int | None, signal_number: int | None) -> None:
        self.number, self.signal_number, self.count = number, signal_number, 0

    def __call__(self, stream, limit):
        for batch in itertools.islice(stream, limit):
            self.count += 1
            if self.count == self.number:
                signal.raise_signal(self.signal_number)
            yield batch


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Of each kind: the results, and how many batches were evaluated on the way."""
    known = {}

    def make(kind):
        if kind not in known:
            batches = Batches(None, None)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(evaluation, "islice", batches)
                folder = launch(config(kind), tmp_path_factory.mktemp("runs"), "run").record.folder
            known[kind] = results(folder), batches.count
        return known[kind]

    return make


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_no_further_batch_is_evaluated_and_the_end_is_the_same(kind, place, number, undisturbed, tmp_path, monkeypatch):
    end, count = undisturbed(kind)
    assert count > 4
    batches = Batches(1 + round(place * (count - 1)), number)
    monkeypatch.setattr(evaluation, "islice", batches)
    with pytest.raises(Interrupted) as stop:
        launch(config(kind), tmp_path, "run")
    assert batches.count == batches.number and stop.value.signal_number == number
    assert RunRecord.load(tmp_path / "run")["status"] == "interrupted"
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == end
