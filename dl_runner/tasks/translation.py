"""A sentence in another language, token by token."""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.config.durations import Horizon, Steps
from dl_runner.config.types import Fraction, NonNegative, PositiveInt, Probability
from dl_runner.data.batch import Batch
from dl_runner.data.dataset import Fitted
from dl_runner.data.pairs import padded
from dl_runner.data.text import IGNORE
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Fields, Tokens
from dl_runner.tasks.decoding import Decoded, search
from dl_runner.tasks.loss import Loss, Total, total_of
from dl_runner.tasks.predicting import Row
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision

SHOWN = 4  # sentences
AT_ONCE = 64  # sentences that are translated together
LARGEST = 700.0  # exp of a little more is no float


class Forcing:
    """How often a decoder reads the true token before a place, rather than what it would have written there itself.

    Args:
        rate: in the end, 0 to 1.
        over: how long it takes to fall there from 1; None: it is there from the first step.
        seed: >= 0, of the choices.
    """

    def __init__(self, rate: float, over: Steps | None, seed: int) -> None:
        self._rate, self._over, self._seed = rate, over, seed
        self._now, self._step = 1.0 if over else rate, 0

    def before_step(self, step: int, horizon: Horizon) -> None:
        self._step, self._now = step, self._rate
        if self._over is not None:
            done = min(1.0, step / self._over.steps(horizon.steps_per_epoch))
            self._now = 1.0 + (self._rate - 1.0) * done

    def choices(self, places: int) -> Tensor | None:
        """Whether each place reads the true token, bool (places,) on the host; None for all.

        A function of (seed, step), the same for every part of a batch and in every process.
        """
        if self._now == 1.0:
            return None
        random = Random(f"{self._seed} {self._step}")
        return torch.tensor([random.random() < self._now for _ in range(places)])


class _Translation:
    shows_per_run = 10

    def __init__(self, data: DataSpec, total: Total, fitted: Any, forcing: Forcing, smoothing: float) -> None:
        self.data, self.total, self.fitted = data, total, fitted
        self.forcing, self.smoothing = forcing, smoothing
        self.metrics = (Metric("perplexity"), Metric("loss"))

    def before_step(self, step: int, horizon: Horizon) -> None:
        self.forcing.before_step(step, horizon)

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        forced = self.forcing.choices(batch.targets.shape[1]) if model.training else None
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

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        loss = float(sums["loss"]) / max(1, sums["tokens"])
        return {"loss": loss, "perplexity": math.inf if loss > LARGEST else math.exp(loss)}

    def show(self, model: nn.Module, batch: Batch) -> dict[str, str]:
        """Sentences of a batch, their translations and the model's, by greedy search."""
        if self.fitted is None:
            return {}
        few = batch.take(SHOWN)
        found = search(model, few.inputs["source"], longest=self.data.targets.length)
        lines = []
        for source, target, own in zip(few.inputs["source"].tolist(), few.targets.tolist(), found, strict=True):
            true = self.fitted.target.decode(token for token in target if token != IGNORE)
            lines.append(f"{self.fitted.source.decode(source)} → {self.fitted.target.decode(own.tokens)} ({true})")
        return {"translations": "\n".join(lines)}

    def predict(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        beam: PositiveInt = 1,
        length_penalty: NonNegative = 0.75,
    ) -> list[Row]:
        """The translation of each sentence.

        Args:
            beam: beginnings of sentences that are kept in each step; 1 is greedy search.
            length_penalty: α of the score log p / L^α, of a sentence of L tokens, its end included.

        Raises:
            UserError: a sentence without a token, or a longer one than the model reads.
        """
        if self.fitted is None:
            raise UserError(
                "predict: the run folder has no fitted.json with the vocabularies; restore it, or train anew"
            )
        encoded = [self._encoded(text) for text in inputs]
        found = self.translate(model, encoded, beam, length_penalty)
        rows = []
        for text, one in zip(inputs, found, strict=True):
            row: Row = {"sentence": text, "translation": self.fitted.target.decode(one.tokens), "score": one.score}
            if not one.ended:
                row["note"] = f"not ended within {self.data.targets.length} tokens"
            if missing := self.fitted.source.unknown(text):
                row["read as <unk>"] = " ".join(map(repr, missing))
            rows.append(row)
        return rows

    def translate(
        self, model: nn.Module, sources: Sequence[Sequence[int]], beam: int = 1, penalty: float = 0.75
    ) -> list[Decoded]:
        """Of lists of token numbers, each with its <eos>."""
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
        found: list[Decoded] = []
        for start in range(0, len(sources), AT_ONCE):
            source = padded(sources[start : start + AT_ONCE]).to(device)
            found += search(model, source, longest=self.data.targets.length, beam=beam, penalty=penalty)
        return found

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
) -> Task:
    """Reports the perplexity, exp of the mean loss, and the mean loss over the tokens in nats, <eos> among them and
    padding not; in evaluation every place reads the true tokens before it.

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

    Raises:
        UserError: the data are no sentences with translations, or the loss is another.
    """
    require_targets(data, "translation", Tokens)
    names = {name for name, _ in data.inputs.fields} if isinstance(data.inputs, Fields) else set()
    if names != {"source", "target"}:
        raise UserError(
            "task=translation: reads a sentence and its translation, and the data have no such pairs; use task=auto, "
            f"which is {data.task} here"
        )
    forcing = Forcing(teacher_forcing, forcing_falls, seed)
    return _Translation(data, total_of(loss, "translation"), fitted, forcing, label_smoothing)
