"""What the model says of each validation example at each evaluation: RUN/predictions/STEP.csv.

The rows are those of `dlrun predict RUN --split validation --out FILE.csv`, of the weights at that step.
"""

from collections.abc import Mapping

import numpy as np

from dl_runner.errors import UserError
from dl_runner.report.answers import save_table
from dl_runner.runtime.files import writing
from dl_runner.runtime.progress import tracked
from dl_runner.training.callbacks import Run

FOLDER = "predictions"


class CsvPredictions:
    """See `csv_predictions`."""

    everywhere = True  # for the whole model

    def check(self, run: Run) -> None:
        if not hasattr(run.task, "answers"):
            raise UserError("callback=csv_predictions: the task has no answers for the examples of a split")
        if run.batches("validation") is None:
            raise UserError("callback=csv_predictions: there are no validation data; set data.validation=0.1")

    def after_evaluation(self, run: Run, metrics: Mapping[str, float]) -> None:
        model = run.whole_model()
        if not run.main:
            return
        loader, found = run.batches("validation"), {}
        places = range(loader.examples)
        with run.evaluating(model):
            order = tracked(loader.sampler.order(0), "predicting the validation split")
            for index, batch in zip(order, loader.epoch(), strict=True):
                of_batch = places[index] if isinstance(index, slice) else index.tolist()
                for at, row in zip(of_batch, run.task.answers(model, batch), strict=True):
                    numbers = {name: value for name, value in row.items() if not isinstance(value, np.ndarray)}
                    found[at] = {"example": at, **numbers}
        path = run.folder / FOLDER / f"{run.step}.csv"
        with writing(path):
            path.parent.mkdir(exist_ok=True)
            save_table([found[at] for at in sorted(found)], path)


def csv_predictions() -> CsvPredictions:
    """The whole validation split, whatever `trainer.evaluate_batches` says."""
    return CsvPredictions()
