"""A sentence in another language, token by token."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dl_runner.config.durations import Steps
from dl_runner.config.types import Fraction, NonNegative, PositiveInt, Probability
from dl_runner.data.batch import Batch
from dl_runner.data.dataset import Fitted
from dl_runner.data.pairs import padded
from dl_runner.data.text import IGNORE
from dl_runner.data.vocabulary import EOS
from dl_runner.errors import UserError
from dl_runner.report.pictures import save_png
from dl_runner.spec import DataSpec, Fields, Tokens
from dl_runner.tasks.attention_maps import attention_files, attention_maps, unpadded
from dl_runner.tasks.bleu import require_sacrebleu
from dl_runner.tasks.decoding import Decoded, search
from dl_runner.tasks.forcing import Forcing
from dl_runner.tasks.loss import Loss, Total, perplexity, total_of
from dl_runner.tasks.predicting import Row
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision
from dl_runner.tasks.translation_meter import Bleu, TranslationMeter

SHOWN = 4  # sentences
AT_ONCE = 256  # beginnings of sentences that are gone on from together


class _Translation:
    shows_per_run = 10

    def __init__(
        self, data: DataSpec, total: Total, fitted: Any, smoothing: float, forcing: Forcing | None, bleu: Bleu | None
    ) -> None:
        self.data, self.total, self.fitted, self.smoothing = data, total, fitted, smoothing
        self.metrics: tuple[Metric, ...] = (Metric("perplexity"), Metric("loss"))
        # The loop asks a task for what it has.
        if forcing is not None:
            self.before_step, self.forced = forcing.before_step, forcing.choices
        if bleu is not None:
            self.metrics += (Metric("bleu", "max"), Metric("exact", "max", "fraction"))
            self.meter = partial(TranslationMeter, bleu, data.targets.length, getattr(fitted, "target", None))

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        forced = self.forced(batch.targets.shape[1]) if model.training else None
        inputs = batch.inputs if forced is None else {**batch.inputs, "forced": forced}
        logits = full_precision(model(**inputs)).flatten(0, 1)  # (batch · T, vocabulary)
        targets = batch.targets.flatten()
        total = self.total(logits, targets, IGNORE)
        whole = max(1, batch.whole["tokens"])
        sums = {"loss": total.detach()}
        if self.smoothing and model.training:
            uniform = -logits.log_softmax(1).mean(1).masked_fill(targets == IGNORE, 0.0).sum()
            total = total.lerp(uniform, self.smoothing)
        return total / whole, sums

    def forced(self, places: int) -> Tensor | None:
        """Which places read the true token in this step of training; None for all."""
        return None

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        loss = float(sums["loss"]) / max(1, sums["tokens"])
        return {"loss": loss, "perplexity": perplexity(loss)}

    def check_outputs(self, outputs: Any, batch: Batch) -> None:
        expected = (*batch.targets.shape, self.data.outputs)
        given = f"a {type(outputs).__name__}"
        if isinstance(outputs, Tensor):
            given = f"{str(outputs.dtype).removeprefix('torch.')} of shape {tuple(outputs.shape)}"
            if tuple(outputs.shape) == expected and outputs.is_floating_point():
                return
        raise ValueError(
            f"gives {given}, expected floats of shape {expected}: (sentences, places of the target, "
            f"{self.data.outputs} tokens)"
        )

    def show(self, model: nn.Module, batch: Batch) -> dict[str, Callable[[], np.ndarray] | str]:
        """Sentences of a batch, their translations and the model's, by greedy search; what the first one looks at."""
        if self.fitted is None:
            return {}
        few = batch.take(SHOWN)
        sources = few.inputs["source"]
        found = search(model, sources, longest=self.data.targets.length)
        lines = []
        for source, target, own in zip(sources.tolist(), few.targets.tolist(), found, strict=True):
            true = self.fitted.target.decode(token for token in target if token != IGNORE)
            lines.append(f"{self.fitted.source.decode(source)} → {self.fitted.target.decode(own.tokens)} ({true})")
        maps = attention_maps(model, self.fitted, unpadded(sources[0].tolist()), found[0].tokens)
        return {"translations": "\n".join(lines)} | {f"attention_{name}": one for name, one in maps.items()}

    def predict(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        beam: PositiveInt = 1,
        length_penalty: NonNegative = 0.75,
        attention: str | None = None,
    ) -> list[Row]:
        """The translation of each sentence.

        Args:
            beam: beginnings of sentences that are kept in each step; 1 is greedy search.
            length_penalty: α of the score log p / L^α, of a sentence of L tokens, its end included.
            attention: FILE.png, drawn of where each word of the translation looks; of several sentences FILE_1.png, ….

        Raises:
            UserError: a sentence without a token, or a longer one than the model reads; or a picture of attention that
                the model has not, or that is no PNG.
        """
        if self.fitted is None:
            raise UserError(
                "predict: the run folder has no fitted.json with the vocabularies; restore it, or train anew"
            )
        files = attention_files(model, attention, len(inputs))
        encoded = [self._encoded(text) for text in inputs]
        found = self.translate(model, encoded, beam, length_penalty)
        rows = []
        for text, source, one, file in zip(inputs, encoded, found, files, strict=True):
            row: Row = {"sentence": text, "translation": self.fitted.target.decode(one.tokens), "score": one.score}
            if source[-1] != EOS:
                row["read"] = f"the first {len(source)} tokens"
            if not one.ended:
                row["note"] = f"not ended within {self.data.targets.length} tokens"
            if missing := self.fitted.source.unknown(text):
                row["read as <unk>"] = " ".join(map(repr, missing))
            if file is not None:
                save_png(attention_maps(model, self.fitted, source, one.tokens)["source"](), file)
                row["attention"] = str(file)
            rows.append(row)
        return rows

    def answers(
        self, model: nn.Module, batch: Batch, *, beam: PositiveInt = 1, length_penalty: NonNegative = 0.75
    ) -> list[Row]:
        """Each sentence, its reference and its translation.

        Args:
            beam, length_penalty: as for `predict`.

        Raises:
            UserError: the vocabularies are missing.
        """
        if self.fitted is None:
            raise UserError(
                "predict: the run folder has no fitted.json with the vocabularies; restore it, or train anew"
            )
        sources = [unpadded(source) for source in batch.inputs["source"].tolist()]
        found = self.translate(model, sources, beam, length_penalty)
        rows = []
        for source, target, one in zip(sources, batch.targets.tolist(), found, strict=True):
            reference = [token for token in target if token not in (IGNORE, EOS)]
            read, write = self.fitted.source.decode, self.fitted.target.decode
            row: Row = {"sentence": read(source), "reference": write(reference), "translation": write(one.tokens)}
            rows.append(row | {"score": one.score, "exact": one.tokens == reference})
        return rows

    def translate(
        self, model: nn.Module, sources: Sequence[Sequence[int]], beam: int = 1, penalty: float = 0.75
    ) -> list[Decoded]:
        """Of lists of token numbers, each with its <eos>."""
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        by_length = sorted(range(len(sources)), key=lambda place: len(sources[place]))
        size, found = max(1, AT_ONCE // beam), {}
        for start in range(0, len(sources), size):
            places = by_length[start : start + size]
            source = padded([sources[place] for place in places]).to(device)
            searched = search(model, source, longest=self.data.targets.length, beam=beam, penalty=penalty)
            found |= dict(zip(places, searched, strict=True))
        return [found[place] for place in range(len(sources))]

    def _encoded(self, text: str) -> list[int]:
        if not self.fitted.source.encode(text):
            raise UserError(f"predict={text!r}: has no token to translate")
        try:
            return self.fitted.encode_source(text)
        except ValueError as error:
            raise UserError(f"predict={text[:40]!r}: {error}") from None


def translation(
    data: DataSpec,
    loss: Loss,
    fitted: Fitted | None = None,
    seed: int = 0,
    *,
    label_smoothing: Fraction = 0.0,
    teacher_forcing: Probability = 1.0,
    forcing_falls: Steps | None = None,
    bleu: Bleu | None = "corpus",
) -> Task:
    """Reports the perplexity, exp of the mean loss, and the mean loss over the tokens in nats, <eos> among them and
    padding not; in evaluation every place reads the true tokens before it. With `bleu` its meter reports BLEU and the
    share of sentences that are exactly the reference, both of greedy translations.

    Args:
        data: what the task is for.
        loss: cross-entropy of logits (tokens, vocabulary) and targets (tokens,).
        fitted: of the data, with both vocabularies.
        seed: >= 0, of which places are forced.
        label_smoothing: ε in [0, 1), as for classification.
        teacher_forcing: how often a place reads the true token before it in training, rather than the model's own most
            probable one; chosen for each place of a batch (Williams and Zipser, 1989).
        forcing_falls: it falls there from 1 in equal steps over this time (Bengio et al., 2015); None: from the first
            step on.
        bleu: of runs of up to four tokens over the whole split, 0 to 100 (corpus); the same of texts, as sacrebleu cuts
            them (sacrebleu); the mean over the sentences of that of Dive into Deep Learning with k = 2, 0 to 1 (book);
            None for no meter. A word of the reference that the vocabulary lacks is never matched.

    Raises:
        UserError: the data are no sentences with translations, the loss is another, or sacrebleu is not installed.
    """
    require_targets(data, "translation", Tokens)
    names = {name for name, _ in data.inputs.fields} if isinstance(data.inputs, Fields) else set()
    if names != {"source", "target"}:
        raise UserError(
            "task=translation: reads a sentence and its translation, and the data have no such pairs; use task=auto, "
            f"which is {data.task} here"
        )
    if bleu == "sacrebleu":
        require_sacrebleu()
    forcing = None if teacher_forcing == 1 else Forcing(teacher_forcing, forcing_falls, seed)
    return _Translation(data, total_of(loss, "translation"), fitted, label_smoothing, forcing, bleu)
