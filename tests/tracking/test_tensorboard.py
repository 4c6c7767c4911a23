"""The event files, read back as TensorBoard and its hyperparameter plugin read them."""

import math

import numpy as np
import pytest

from dl_runner.tracking.metrics_file import MetricsFile, read_metrics
from dl_runner.tracking.tensorboard import EVENTS, TensorBoard, hyperparameters
from dl_runner.tracking.tracker import RunInfo, Trackers

MLP = {
    "model": {"name": "mlp", "hidden": [256, 64], "bias": True},
    "optimizer": {"lr": 0.1},
    "seed": 0,
    "outputs": "outputs",
}
LENET = {"model": {"name": "lenet", "pooling": "max"}, "optimizer": {"lr": 0.05}, "seed": 0, "outputs": "outputs"}
PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def start(folder, config=MLP, first_step=0, trackers=(MetricsFile, TensorBoard)) -> Trackers:
    folder.mkdir(parents=True, exist_ok=True)
    tracker = Trackers(make() for make in trackers)
    tracker.start(RunInfo(folder, config, {}, 10, 5, first_step, ("train/loss", "test/accuracy")))
    return tracker


def log(tracker, steps):
    for step in steps:
        tracker.log(step, step / 5, {"train/loss": 1 / step}, milestone=False)


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()


def hyperparameter_table(folder):
    """What the HPARAMS page of TensorBoard asks its backend for: columns, then a row per run."""
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

    multiplexer = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request_context = context.RequestContext()
    columns = backend.experiment_from_metadata(
        request_context,
        "",
        True,
        backend.hparams_metadata(request_context, ""),
        backend.hparams_from_data_provider(request_context, "", None),
    )
    every = [api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING]
    request = api_pb2.ListSessionGroupsRequest(allowed_statuses=every, slice_size=100)
    answer = list_session_groups.Handler(request_context, backend, "", request).run()
    return columns, {group.name: group for group in answer.session_groups}


def test_scalars_text_and_pictures_are_in_one_event_file(tmp_path):
    tracker = start(tmp_path)
    log(tracker, [5, 10])
    tracker.image("test/examples", PICTURE, 10)
    tracker.image("test/drawn", lambda: PICTURE, 10)
    tracker.finish("completed", {"train/loss": 0.1, "test/accuracy": 0.9})
    assert len(list(tmp_path.rglob(EVENTS))) == 1
    events = read(tmp_path)
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [
        (5, pytest.approx(0.2)),
        (10, pytest.approx(0.1)),  # the final value is the last one logged: no second point
    ]
    [final] = events.Scalars("test/accuracy")
    assert (final.step, final.value) == (10, pytest.approx(0.9))
    text = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text.startswith("    model:\n      name: mlp\n")  # indented: Markdown shows it as it is
    [image] = events.Images("test/examples")
    assert (image.step, image.height, image.width) == (10, 4, 5)
    assert events.Images("test/drawn")[0].encoded_image_string == image.encoded_image_string


def test_the_hyperparameter_table_is_complete_for_runs_of_different_models(tmp_path):
    for name, config, accuracy in (("mlp", MLP, 0.8), ("lenet", LENET, 0.9)):
        tracker = start(tmp_path / name, config)
        log(tracker, [5])
        tracker.finish("completed", {"test/accuracy": accuracy})
    columns, rows = hyperparameter_table(tmp_path)
    names = [column.name for column in columns.hparam_infos]
    assert set(names) == {"model.name", "model.hidden", "model.bias", "model.pooling", "optimizer.lr", "seed"}
    assert set(names[:2]) == {"model.name", "optimizer.lr"}  # what differs comes first
    assert {metric.name.tag for metric in columns.metric_infos} == {"train/loss", "test/accuracy"}
    assert set(rows) == {"mlp", "lenet"}  # no run but the runs
    assert rows["lenet"].hparams["optimizer.lr"].number_value == 0.05
    assert rows["mlp"].hparams["model.hidden"].string_value == "[256, 64]"
    assert rows["mlp"].hparams["model.bias"].bool_value is True
    values = {value.name.tag: value.value for value in rows["lenet"].sessions[0].metric_values}
    assert values == {"train/loss": pytest.approx(0.2), "test/accuracy": pytest.approx(0.9)}


@pytest.mark.parametrize(("status", "shown"), [("completed", 1), ("failed", 2), ("interrupted", 2), (None, 0)])
def test_the_table_tells_success_from_failure_and_shows_a_running_run(tmp_path, status, shown):
    tracker = start(tmp_path / "run")
    log(tracker, [5])
    if status:
        tracker.finish(status, {})
    else:
        tracker.trackers[1]._writer.flush()
    session = hyperparameter_table(tmp_path)[1]["run"].sessions[0]
    assert session.status == shown
    if not status:
        tracker.finish("failed", {})


def test_final_values_of_the_best_weights_are_the_last_of_their_curve(tmp_path):
    tracker = start(tmp_path / "run")
    log(tracker, [5, 10])
    tracker.finish("completed", {"train/loss": 0.2})
    [value] = hyperparameter_table(tmp_path)[1]["run"].sessions[0].metric_values
    assert (value.value, value.training_step) == (pytest.approx(0.2), 10)


@pytest.mark.parametrize("trackers", [(MetricsFile, TensorBoard), (TensorBoard, MetricsFile)])
def test_a_resumed_run_has_one_file_with_everything_up_to_its_first_step(tmp_path, trackers):
    killed = start(tmp_path, trackers=trackers)
    killed.image("train/augmented", PICTURE, 0)
    log(killed, [1, 2])
    killed.log(2, 0.4, {"test/accuracy": 0.5}, milestone=False)
    killed.image("test/examples", PICTURE, 2)  # after the checkpoint of step 2
    log(killed, [3, 4])
    killed.image("train/augmented", PICTURE, 4)
    killed.finish("interrupted", {})
    [old] = tmp_path.glob(EVENTS)
    with old.open("r+b") as file:
        file.truncate(old.stat().st_size - 7)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "ep')
    times = [row["time"] for row in read_metrics(tmp_path / "metrics.jsonl")]

    resumed = start(tmp_path, first_step=2, trackers=trackers)
    [new] = tmp_path.glob(EVENTS)
    assert new != old
    log(resumed, [3, 4, 5])
    resumed.finish("completed", {})
    events = read(tmp_path)
    assert [event.step for event in events.Scalars("train/loss")] == [1, 2, 3, 4, 5]
    assert [event.wall_time for event in events.Scalars("train/loss")][:2] == times[:2]
    assert [image.step for image in events.Images("train/augmented")] == [0]
    assert events.Tags()["images"] == ["train/augmented"] and "test/accuracy" not in events.Tags()["scalars"]
    assert hyperparameter_table(tmp_path)[1]["."].sessions[0].status == 1


def test_numbers_that_are_not_finite_are_written(tmp_path):
    tracker = start(tmp_path)
    tracker.log(1, 0.2, {"train/loss": math.nan}, milestone=False)
    tracker.finish("failed", {"train/loss": math.nan})
    assert math.isnan(read(tmp_path).Scalars("train/loss")[0].value)


def test_hyperparameters_are_flat_scalars_without_places_and_reporting():
    config = {
        "data": {"name": "digits", "root": "/data", "limit": None},
        "trainer": {"epochs": 10, "log_every": "1 epoch"},
        "tracker": {"console": "auto"},
        "augment": {"transforms": [{"name": "flip"}]},
        "model": {"bias": True},
        "plugins": [],
        "outputs": "outputs",
    }
    assert hyperparameters(config) == {
        "data.name": "digits",
        "data.limit": "null",
        "trainer.epochs": 10,
        "augment.transforms": '[{"name": "flip"}]',
        "model.bias": True,
    }
