"""A run folder as an object."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from dl_runner.api.surroundings import kept
from dl_runner.config.stored import CONFIG, check_asked, load_config
from dl_runner.errors import UserError
from dl_runner.plugins import name_plugins
from dl_runner.running.again import continue_run, repeat
from dl_runner.running.code_record import told_of_code
from dl_runner.running.inference import evaluate_run, load_model, predict, predict_split
from dl_runner.running.launch import resume
from dl_runner.running.lesson import go_on
from dl_runner.tracking.metrics_file import METRICS, read_metrics
from dl_runner.tracking.run_folder import RECORD, RunRecord, is_locked

Which = Literal["best", "last", "ema"]
Split = Literal["train", "validation", "test"]


class Run:
    """A run, or a lesson, in its folder; what is read is what the folder holds at that moment.

    Args:
        folder: the run folder, such as outputs/digits/lenet/TIME.
        plugins: modules of yours that its config names, to be imported.

    Raises:
        UserError: no run folder, or one that asks for modules which you have not named.
    """

    def __init__(self, folder: str | Path, plugins: Sequence[str] = ()) -> None:
        self.folder = Path(folder).expanduser().absolute()  # whatever the working directory is later
        if not (self.folder / RECORD).is_file():
            raise UserError(f"{self.folder}: no run folder, it has no {RECORD}; dl_runner.runs() finds yours")
        name_plugins(plugins)
        check_asked(self.folder)
        self._models: dict[tuple[Which | None, str | None], nn.Module] = {}

    def __repr__(self) -> str:
        found = ", ".join(f"{name}={value:.4g}" for name, value in self.results.items() if name.startswith("test/"))
        return f"Run({str(self.folder)!r}: {self.status}{', ' if found else ''}{found})"

    @property
    def record(self) -> dict[str, Any]:
        """What run.json holds: see `dl_runner.tracking.run_folder.RunRecord`."""
        return dict(RunRecord.load(self.folder).fields)

    @property
    def status(self) -> str:
        """completed, failed, interrupted, pruned, running, or killed: it says running, and no process holds it."""
        status = self.record["status"]
        return "killed" if status == "running" and not is_locked(self.folder) else status

    @property
    def config(self) -> dict[str, Any]:
        """config.yaml as nested dicts and lists."""
        return load_config(self.folder / CONFIG)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl in the order of the steps, each with step, epoch, time (seconds since 1970) and
        SPLIT/NAME; `pandas.DataFrame(run.metrics)` makes a table of them."""
        path = self.folder / METRICS
        return read_metrics(path) if path.exists() else []

    @property
    def results(self) -> dict[str, float]:
        """The final metrics, {SPLIT/NAME: value}; {} of a run without an end."""
        return self.record["metrics"]

    @property
    def model(self) -> nn.Module:
        """The trained model, with the weights that validation chose if there are such, else the last ones; in
        evaluation mode, on the device of the run. It reads prepared inputs; `predict` takes your own.

        Raises:
            UserError: no weights yet, or no such device here.
        """
        return self.load()

    def load(self, weights: Which | None = None, device: str | None = None) -> nn.Module:
        """`model` with other weights or on another device; the same object each time.

        Args:
            weights: "best", "last" or "ema" (of `callback=ema`); None for the best if there are, else the last.
            device: such as "cpu" or "cuda:1"; None for the run's own.

        Raises:
            UserError: as for `model`.
        """
        if (weights, device) not in self._models:
            with kept():
                self._models[weights, device] = load_model(self.folder, weights, device)
        return self._models[weights, device]

    def evaluate(
        self,
        split: Split = "test",
        *,
        weights: Which | None = None,
        device: str | None = None,
    ) -> dict[str, float]:
        """The metrics of the model on a split of the run's data, {SPLIT/NAME: value}; `dlrun evaluate`.

        Warns where the data, or the code of plugins, are no longer those of the training.

        Raises:
            UserError: no weights, no such split, or the data are of another kind now.
        """
        with kept():
            found = evaluate_run(self.folder, split, weights, device)
        for change in found.changed:
            warnings.warn(change, stacklevel=2)
        return found.metrics

    def predict(
        self,
        inputs: str | Path | Tensor | Iterable[str | Path] | Any = (),
        *,
        split: Split | None = None,
        weights: Which | None = None,
        device: str | None = None,
        **options: Any,
    ) -> list[dict[str, Any]]:
        """What the model makes of your own inputs, a row for each; `dlrun predict`.

        Args:
            inputs: one or several names of picture or table files, or texts; or examples as the data hold them, a
                tensor or NumPy array: uint8 pictures (n, height, width) or (n, channels, height, width), float32
                vectors (n, size).
            split: "train", "validation" or "test" instead: each example of the run's own data, with what is true.
            options: of the task's predictions, such as top=5, or beam=4 of translations; of a split's, such as
                probabilities=True.

        Raises:
            UserError: an input that the model cannot read, or an unknown option.
        """
        if split is not None:
            with kept():
                found = predict_split(self.folder, split, weights, options, device)
            for change in found.changed:
                warnings.warn(change, stacklevel=2)
            return found.rows
        given = [str(inputs)] if isinstance(inputs, str | Path) else inputs
        if not hasattr(given, "shape"):
            given = [str(one) for one in given]
        for told in told_of_code(self.folder):
            warnings.warn(told, stacklevel=2)
        with kept():
            return predict(self.folder, given, weights, options, device)

    def resume(
        self,
        *length: str,
        device: str | None = None,
        parallel: Mapping[str, Any] | None = None,
        changed_code: bool = False,
    ) -> "Run":
        """Go on with a run that was interrupted, killed or failed, or make one longer; `dlrun resume`.

        Args:
            length: "trainer.epochs=20" or "trainer.steps=5000" for a longer run.
            device: where to go on, if not where the run began.
            parallel: keys of the config's section parallel to change.
            changed_code: go on although the code of the run's plugins is another one now.

        Raises:
            UserError: it is completed, or cannot go on.
            RunFailed, Interrupted: as for `dl_runner.run`.
        """
        self._models.clear()
        with kept(["resume", str(self.folder), *length]):
            if self.config.get("lesson") is not None:
                go_on(self.folder, changed_code=changed_code)
            else:
                options = {"changed_code": changed_code, "length": length}
                resume(self.folder, device=device, parallel=parallel, **options)
        return self

    def proceed(self, *overrides: str, device: str | None = None) -> "Run":
        """A new run that begins with this one's last weights; `dlrun continue`.

        Args:
            overrides: what differs in it, such as "optimizer.lr=0.01".
            device: where to compute, if not where this one did.

        Raises:
            UserError, RunFailed, Interrupted: as for `dl_runner.run`.
        """
        with kept(["continue", str(self.folder), *overrides]):
            return Run(continue_run(self.folder, overrides, device))

    def repeat(self) -> "tuple[Run, list[str]]":
        """This run made once more, and in which weights and metrics the two differ, a line each; `dlrun repeat`.

        Raises:
            UserError, RunFailed, Interrupted: as for `dl_runner.run`.
        """
        with kept(["repeat", str(self.folder)]):
            done = repeat(self.folder)
        return Run(done.folder), done.differences
