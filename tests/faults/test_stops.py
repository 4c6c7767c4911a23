"""Asked to stop in the middle of an evaluation: at once, with a checkpoint, and it goes on as if it never had been.

"At once" is measured in batches: not one more is evaluated after the signal.
"""

import signal

import pytest
from damage import ALL, results
from helpers import QUIET
from kills import RUNS

from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.stored import to_plain
from dl_runner.data.loader import Loader
from dl_runner.errors import Interrupted
from dl_runner.running.launch import launch, resume
from dl_runner.tracking.run_folder import RunRecord

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

    def watch(self, patch) -> "Batches":
        batches = Loader.epoch

        def epoch(loader, *arguments):
            for batch in batches(loader, *arguments):
                # A training's batches are asked for by their place; and before a run begins, its parts are tried out.
                counts = not arguments and callable(signal.getsignal(signal.SIGTERM))
                self.count += counts
                if self.count == self.number and counts:
                    signal.raise_signal(self.signal_number)
                yield batch

        patch.setattr(Loader, "epoch", epoch)
        return self


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Of each kind: the results, and how many batches were evaluated on the way."""
    known = {}

    def make(kind):
        if kind not in known:
            with pytest.MonkeyPatch.context() as patch:
                batches = Batches(None, None).watch(patch)
                folder = launch(config(kind), tmp_path_factory.mktemp("runs"), "run").record.folder
            known[kind] = results(folder), batches.count
        return known[kind]

    return make


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.8] if ALL else [0.6])
@pytest.mark.parametrize("kind", KINDS)
def test_no_further_batch_is_evaluated_and_the_end_is_the_same(kind, place, number, undisturbed, tmp_path, monkeypatch):
    end, count = undisturbed(kind)
    assert count > 4
    batches = Batches(1 + round(place * (count - 1)), number).watch(monkeypatch)
    with pytest.raises(Interrupted) as stop:
        launch(config(kind), tmp_path, "run")
    assert batches.count == batches.number and stop.value.signal_number == number
    assert RunRecord.load(tmp_path / "run")["status"] == "interrupted"
    monkeypatch.undo()
    resume(tmp_path / "run")
    assert results(tmp_path / "run") == end
