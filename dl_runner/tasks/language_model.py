"""The next token of a text, at every place of a window."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.config.types import CountInt, NonNegative, PositiveInt
from dl_runner.data.batch import Batch
from dl_runner.data.dataset import Fitted
from dl_runner.data.text import IGNORE
from dl_runner.data.tokenizer import FittedTokenizer
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.carried import CarriedState, with_state
from dl_runner.tasks.generation import generate
from dl_runner.tasks.loss import Loss, Total, perplexity, total_of
from dl_runner.tasks.predicting import Row
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision

BEGINNING = 16  # tokens of the data that are shown before what a model makes of them, unless there is a prefix


class _LanguageModel:
    shows_per_run = 10

    def __init__(
        self, data: DataSpec, total: Total, tokenizer: FittedTokenizer | None, prefix: str | None, length: int
    ) -> None:
        self.data, self.total, self.tokenizer = data, total, tokenizer
        self.prefix, self.length = prefix, length
        self.bits = tokenizer is not None and tokenizer.tokenizer.name == "char"
        bits = (Metric("bits_per_character"),) if self.bits else ()
        self.metrics = (Metric("perplexity"), Metric("loss"), *bits)
        self._training, self._evaluation = CarriedState(), CarriedState()

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        carried = self._training if model.training else self._evaluation
        logits, state = with_state(model, batch.inputs, carried.before(batch))  # (batch, length, vocabulary)
        carried.keep(batch, state)
        total = self.total(full_precision(logits).flatten(0, 1), batch.targets.flatten(), IGNORE)
        return total / max(1, batch.whole["tokens"]), {"loss": total.detach()}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        loss = float(sums["loss"]) / max(1, sums["tokens"])
        found = {"loss": loss, "perplexity": perplexity(loss)}
        return found | ({"bits_per_character": loss / math.log(2)} if self.bits else {})

    def state_dict(self) -> dict[str, Tensor | None]:
        return {"hidden": self._training.rows}

    def load_state_dict(self, state: Mapping[str, Tensor | None]) -> None:
        self._training.rows = state["hidden"]

    def show(self, model: nn.Module, batch: Batch) -> dict[str, str]:
        """What the model, choosing the most probable token, makes of the prefix."""
        if self.tokenizer is None:
            return {}
        if self.prefix is None:
            prompt = batch.take(1).inputs[0, :BEGINNING].tolist()
        else:
            prompt = self._prompt(self.prefix, "task.prefix")
        added = generate(model, prompt, self.length, context=self.data.inputs.length, temperature=0.0)
        return {"text": self.tokenizer.decode(prompt + added).rstrip()}

    def answers(self, model: nn.Module, batch: Batch) -> list[Row]:
        """The text of each window, read without what came before it, and the perplexity of the tokens behind it."""
        logits, _ = with_state(model, batch.inputs, None)
        losses = F.cross_entropy(
            full_precision(logits).transpose(1, 2), batch.targets, ignore_index=IGNORE, reduction="none"
        )
        counts = (batch.targets != IGNORE).sum(1)
        means = (losses.sum(1) / counts.clamp(min=1)).tolist()
        rows = []
        for tokens, count, mean in zip(batch.inputs.tolist(), counts.tolist(), means, strict=True):
            text = " ".join(map(str, tokens)) if self.tokenizer is None else self.tokenizer.decode(tokens[:count])
            rows.append({"text": text, "tokens": count, "loss": mean, "perplexity": perplexity(mean)})
        return rows

    def predict(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        length: PositiveInt = 50,
        temperature: NonNegative = 0.8,
        top_k: PositiveInt | None = None,
        seed: CountInt = 0,
    ) -> list[Row]:
        """What the model puts after each text.

        Args:
            length: how many tokens.
            temperature: below 1 the probable tokens become more so; 0 always takes the most probable one.
            top_k: choose among so many of the most probable tokens; None for all.
            seed: of the choice.

        Raises:
            UserError: a text without a token.
        """
        rows = []
        for text in inputs:
            prompt = self._prompt(text, "predict")
            context = self.data.inputs.length
            added = generate(model, prompt, length, context=context, temperature=temperature, top_k=top_k, seed=seed)
            row: Row = {"text": self.tokenizer.decode(prompt + added)}
            if missing := self.tokenizer.unknown(text):
                row["read as <unk>"] = " ".join(map(repr, missing))
            rows.append(row)
        return rows

    def _prompt(self, text: str, key: str) -> list[int]:
        if self.tokenizer is None:
            raise UserError(f"{key}: the run folder has no fitted.json with the vocabulary; restore it, or train anew")
        if not (tokens := self.tokenizer.encode(text)):
            raise UserError(f"{key}={text!r}: has no token to go on from")
        return tokens


def language_model(
    data: DataSpec,
    loss: Loss,
    fitted: Fitted | None = None,
    *,
    prefix: str | None = None,
    length: PositiveInt = 50,
) -> Task:
    """Reports the perplexity, exp of the mean loss, the mean loss over the tokens in nats, and for characters the loss
    in bits per character.

    Words have no such figure: their text cannot be had back from its tokens exactly, so it has no length to divide by.

    Args:
        data: what the task is for.
        loss: cross-entropy of logits (tokens, vocabulary) and targets (tokens,).
        fitted: of the data, with the tokenizer.
        prefix: the beginning of the text that is shown of a model while it trains; None for one from the data.
        length: tokens that the model puts after it.

    Raises:
        UserError: the data's targets are no tokens, or the loss is another.
    """
    require_targets(data, "language_model", Tokens)
    return _LanguageModel(data, total_of(loss, "language_model"), getattr(fitted, "tokenizer", None), prefix, length)
