"""The data of a run: loaded, cut into splits, fitted on the training split, and in batches."""

from dl_runner.build.builders import Builders, offered
from dl_runner.config.parsed import NormalizationConfig
from dl_runner.config.paths import default_root
from dl_runner.config.schema import Config
from dl_runner.data.dataset import UNCHANGED, Cuts, Data, Fitted, Normalization, cut
from dl_runner.data.loader import Loader
from dl_runner.data.preparation import preparation
from dl_runner.data.samplers import First, evenly_spaced
from dl_runner.errors import UserError
from dl_runner.runtime.progress import showing
from dl_runner.runtime.settings import DeviceSettings

EVALUATED_AT_ONCE = 2**20  # numbers that a model reads or gives in an evaluation's batch
Share = tuple[int, int]  # rank and size of the processes that share each batch


def build_data(
    config: Config, builders: Builders, fitted: Fitted | None = None, *, load: bool = True, quiet: bool = False
) -> Data:
    """Load the data set, cut its splits, fit what has to be fitted.

    Args:
        fitted: what an earlier run of the config has fitted, to be used again.
        load: False leaves pictures in their files that would be in memory during a training.
        quiet: show no progress, as in all processes of a run but the first.

    Raises:
        UserError: files that are missing or damaged, splits that would be empty, or a tokenizer for what is no text.
    """
    data, seed = config.data, config.seed
    tokenizer = builders.tokenizer() if builders.tokenizer else None
    values = {
        "root": data.root or default_root(),
        "seed": seed,
        "image_size": data.image_size,
        "normalize": data.normalize,
        "tokenizer": tokenizer,
    }
    given = offered(builders.data, values)
    if tokenizer is not None and "tokenizer" not in given:
        raise UserError(f"tokenizer={config.tokenizer.name}: data={data.name} holds no text; use tokenizer=auto")
    cuts = Cuts(
        validation=data.validation or 0.0,
        limit=data.limit,
        image_size=data.image_size,
        normalize=_normalization(data.normalize),
        seed=seed,
        folds=data.folds,
        fold=data.fold,
    )
    with showing("none" if quiet else config.tracker.console):
        found = cut(builders.data(**given), cuts, fitted)
        return found.loaded() if load else found


def _normalization(asked: bool | NormalizationConfig) -> Normalization | None:
    if isinstance(asked, NormalizationConfig):
        return asked.mean, asked.std
    return None if asked else UNCHANGED


def training_loader(
    config: Config, builders: Builders, data: Data, settings: DeviceSettings, share: Share = (0, 1)
) -> Loader:
    """Batches of the training split as the config asks for them, augmented.

    Raises:
        UserError: an augmentation of what is no image.
    """
    return Loader(
        data.train,
        data.samplers.training(data.train, config.data.batch_size, config.seed),
        preparation(data.spec, settings.device, builders.augment, settings.memory_format),
        device=settings.device,
        seed=config.seed,
        share=share,
        repeated=True,
    )


def fitting_loader(config: Config, data: Data, settings: DeviceSettings) -> Loader:
    """The whole training split in its order, unaugmented and once, for each process alone."""
    size = max(config.data.batch_size, EVALUATED_AT_ONCE // data.spec.values)
    prepared = preparation(data.spec, settings.device, memory_format=settings.memory_format)
    return Loader(data.train, data.samplers.once(data.train, size), prepared, device=settings.device)


def evaluation_loader(
    config: Config,
    data: Data,
    split: str,
    settings: DeviceSettings,
    share: Share = (0, 1),
    *,
    most: int | None = None,
) -> Loader | None:
    """Batches of the "train", "validation" or "test" split in their own order, unaugmented; None without the split.

    They are large, as no gradients need the memory.

    Args:
        most: at most so many batches as large as those of the training, their examples spread over the split, where
            they may lie class by class; of a text, the first ones. None for all.
    """
    examples, size = getattr(data, split), config.data.batch_size
    if examples is None:
        return None
    if most is None:
        size = max(size, share[1] * EVALUATED_AT_ONCE // data.spec.values)
    elif not examples.ordered:
        examples = examples.subset(evenly_spaced(len(examples), most * size))
    sampler = data.samplers.evaluation(examples, size)
    return Loader(
        examples,
        sampler if most is None else First(sampler, most),
        preparation(data.spec, settings.device, memory_format=settings.memory_format),
        device=settings.device,
        share=share,
    )
