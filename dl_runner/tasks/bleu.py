"""BLEU: how many n-grams of a translation are in a reference, times a penalty for being shorter than it (Papineni et
al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002)."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from dl_runner.errors import UserError

Sentence = Sequence[Hashable]
ORDERS = 4


def n_grams(sentence: Sentence, n: int) -> Counter[tuple[Hashable, ...]]:
    """How often each run of n tokens is in a sentence."""
    return Counter(tuple(sentence[at : at + n]) for at in range(len(sentence) - n + 1))


def matches(prediction: Sentence, reference: Sentence, n: int) -> int:
    """How many n-grams of the prediction are in the reference, each counted at most as often as it is there."""
    return (n_grams(prediction, n) & n_grams(reference, n)).total()


def corpus_bleu(pairs: Sequence[tuple[Sentence, Sentence]]) -> float:
    """BLEU-4 of a whole corpus, 0 to 100: bp · (p₁ p₂ p₃ p₄)^¼, bp = exp(min(0, 1 − r/c)), with r and c the tokens of
    the references and of the predictions.

    The k-th order without a match counts as if it had 2⁻ᵏ of one, as in mteval and sacrebleu; without any n-gram, or
    any match at all, it is 0.

    Args:
        pairs: of a prediction and its reference.
    """
    length, wanted = (sum(len(pair[side]) for pair in pairs) for side in (0, 1))
    logs, missing = [], 0
    for n in range(1, ORDERS + 1):
        total = sum(max(0, len(prediction) - n + 1) for prediction, _ in pairs)
        right: float = sum(matches(prediction, reference, n) for prediction, reference in pairs)
        if not total or (n == 1 and not right):
            return 0.0
        if not right:
            missing += 1
            right = 2.0**-missing
        logs.append(math.log(right / total))
    return 100 * math.exp(min(0.0, 1 - wanted / length) + sum(logs) / ORDERS)


def sentence_bleu(prediction: Sentence, reference: Sentence, k: int = 2) -> float:
    """exp(min(0, 1 − len(reference) / len(prediction))) · Π pₙ^(1/2ⁿ), n = 1 … k, of one sentence, 0 to 1.

    The form of Dive into Deep Learning, section 10.7.6; a sentence of fewer than k tokens has fewer factors.
    """
    if not prediction:
        return 0.0
    score = math.exp(min(0.0, 1 - len(reference) / len(prediction)))
    for n in range(1, min(k, len(prediction)) + 1):
        score *= (matches(prediction, reference, n) / (len(prediction) - n + 1)) ** 0.5**n
    return score


def require_sacrebleu() -> None:
    """Raises UserError: sacrebleu is not installed."""
    try:
        import sacrebleu  # noqa: F401
    except ImportError:
        raise UserError(
            "task.bleu=sacrebleu: needs sacrebleu, which is not installed; pip install 'dl_runner[sacrebleu]', or use "
            "task.bleu=corpus"
        ) from None


def sacre_bleu(pairs: Sequence[tuple[str, str]]) -> float:
    """sacrebleu's BLEU of a corpus of texts, 0 to 100, with its own tokenizer, 13a (Post, "A call for clarity in
    reporting BLEU scores", WMT 2018).

    Raises:
        UserError: as `require_sacrebleu`.
    """
    require_sacrebleu()
    from sacrebleu.metrics import BLEU

    predictions, references = zip(*pairs, strict=True)
    return BLEU(force=True).corpus_score(predictions, [references]).score
