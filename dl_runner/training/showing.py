"""What a task shows of its model while it trains: sample text, pictures."""

from collections.abc import Mapping

from dl_runner.tasks.task import Task
from dl_runner.tracking.tracker import Picture
from dl_runner.training.evaluation import evaluating
from dl_runner.training.intervals import due
from dl_runner.training.training import Training


def show_due(run: Training) -> bool:
    """Whether the task has something to show after this step; it is shown after the last one by whoever tests the
    run."""
    if not hasattr(run.task, "show") or run.step >= run.horizon.steps:
        return False
    if run.intervals.show is not None:
        return due(run.intervals.show, run.step, run.horizon)
    times = getattr(run.task, "shows_per_run", 0)
    return times > 0 and run.step % max(1, run.horizon.steps // times) == 0


def shown_as_text(task: Task) -> bool:
    """Whether what a task shows is worth making without TensorBoard, which alone shows pictures."""
    return getattr(task, "shows_per_run", 0) > 0


def show(run: Training) -> None:
    """Give the trackers what the task shows of the whole model. A collective call: every process makes it."""
    model = run.update.strategy.full_model()
    batch = run.evaluator.sample() or next(iter(run.loader.epoch()))
    if run.process_group.rank:
        return
    device = next((parameter.device for parameter in model.parameters()), run.loader.device)
    with evaluating(model, run.update.autocast):
        shown = run.task.show(model, batch.to(device))
    track(run, "samples", shown)


def track(run: Training, place: str, shown: "Mapping[str, Picture | str]") -> None:
    """Give the trackers pictures and texts, as PLACE/NAME."""
    for name, value in shown.items():
        send = run.tracker.text if isinstance(value, str) else run.tracker.image
        send(f"{place}/{name}", value, run.step)
