"""What can be measured: experiments of the notes, and how much data keeps it bearable on two cores."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.arms.job import Job
from dl_runner.config.check import check_config
from dl_runner.config.compose import compose
from dl_runner.config.paths import default_root
from dl_runner.config.stored import to_plain
from dl_runner.data.idx import read_idx
from dl_runner.errors import UserError
from dl_runner.runtime.files import write_atomic


@dataclass(frozen=True)
class Case:
    """One experiment and the size of its measurement.

    Args:
        experiment: of the notes.
        overrides: KEY=VALUE where it is not run as the notes did.
        train, test: so many of the first images.
        epochs: >= 2; the first is not timed.
        rounds: how often each arm runs.
        probe: training images for the choice of the bare loop's variant; two epochs of them.
    """

    experiment: str
    overrides: tuple[str, ...] = ()
    train: int = 60_000
    test: int = 10_000
    epochs: int = 4
    rounds: int = 5
    probe: int = 60_000


def _large(experiment: str, *overrides: str, train: int = 1024, epochs: int = 2) -> Case:
    return Case(experiment, overrides, train=train, test=256, epochs=epochs, rounds=3, probe=256)


CASES = {
    "softmax": Case("softmax"),
    "mlp": Case("mlp"),
    "lenet": Case("lenet"),
    "bn_lenet": Case("bn_lenet"),
    "resnet18_96": _large("resnet18", "data.image_size=96", "data.batch_size=128", train=2048),
    "resnet18_224": _large("resnet18", "data.batch_size=128"),
    "alexnet": _large("alexnet"),
    "vgg": _large("vgg"),
    "nin": _large("nin"),
    "googlenet": _large("googlenet", train=2048),
}
SMALL = ("softmax", "mlp", "lenet", "bn_lenet")  # those that are trained to the end for the comparison of accuracies


def settings(case: Case) -> dict[str, Any]:
    """The case's experiment as plain containers.

    Raises:
        UserError: it asks for something that the hand-written arms do not do.
    """
    plain = to_plain(compose([f"experiment=notes/{case.experiment}", *case.overrides]))
    checked = check_config(plain)
    known = (
        checked.optimizer.name == "sgd",
        checked.schedule.name == "constant",
        checked.loss.name in ("auto", "cross_entropy"),
        not checked.data.normalize and not checked.data.validation and not checked.augment.transforms,
        not any(value for name, value in plain["regularization"].items() if name != "name"),
    )
    if not all(known):
        raise UserError(f"{case.experiment}: only plain SGD on unchanged images is what all arms can do")
    return plain


def job(case: Case, root: Path, outputs: Path, *, epochs: int, seed: int = 0, variant: dict | None = None) -> Job:
    """The work of one arm on the data in `root`."""
    plain = settings(case)
    return Job(
        experiment=case.experiment,
        overrides=case.overrides,
        root=str(root),
        outputs=str(outputs),
        model=plain["model"],
        init=plain["init"],
        image_size=plain["data"]["image_size"],
        batch_size=plain["data"]["batch_size"],
        lr=plain["optimizer"]["lr"],
        epochs=epochs,
        seed=seed,
        variant=variant or {},
    )


def data_root() -> Path:
    """The folder where dlrun looks for Fashion-MNIST."""
    found = to_plain(compose(["data=fashion_mnist"]))["data"]["root"]
    return Path(found).expanduser() if found else default_root()


def cut(source: Path, target: Path, train: int, test: int) -> dict[str, int]:
    """Write the first images and labels of Fashion-MNIST below `source` to a data folder `target` of the same format.

    Returns:
        {"train", "test"}: how many there are.

    Raises:
        UserError: the files are not there, or damaged.
    """
    counts = {}
    for part, split, count in (("train", "train", train), ("t10k", "test", test)):
        for kind, rank in (("images", 3), ("labels", 1)):
            name = f"{part}-{kind}-idx{rank}-ubyte"
            folder = source / "FashionMNIST" / "raw"
            path = next((file for file in (folder / name, folder / f"{name}.gz") if file.is_file()), None)
            if path is None:
                raise UserError(
                    f"{folder / name}: missing; `dlrun experiment=notes/softmax` downloads it, "
                    "DLRUN_DATA_DIR names another folder"
                )
            values, content = read_idx(path, rank)
            values = values[:count]
            header = content[:4] + b"".join(size.to_bytes(4, "big") for size in values.shape)
            counts[split] = len(values)
            (target / "FashionMNIST" / "raw").mkdir(parents=True, exist_ok=True)
            write_atomic(target / "FashionMNIST" / "raw" / name, header + values.tobytes())
    return counts
