"""Numerals and their English words, either way: sentences that a translator gets exactly right or wrong.

They need no files: 9,000 numbers below a million, drawn from a fixed seed, all different.
"""

from random import Random
from typing import Literal

from dl_runner.config.types import Fraction, PositiveInt
from dl_runner.data.buckets import Batching
from dl_runner.data.dataset import Data
from dl_runner.data.parallel_corpus import parallel_corpus
from dl_runner.data.tokenizer import Tokenizer
from dl_runner.data.tokenizers import char, word
from dl_runner.errors import UserError

BELOW = 1_000_000
ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_words(
    *,
    tokenizer: Tokenizer | None = None,
    seed: int = 0,
    direction: Literal["to_words", "to_numerals"] = "to_words",
    numbers: PositiveInt = 9000,
    test: Fraction = 0.1,
    pairs: PositiveInt | None = None,
    length: PositiveInt | None = None,
    batching: Batching = "buckets",
) -> Data:
    """ "4217" ↔ "four thousand two hundred seventeen".

    Args:
        tokenizer: of the words; numerals are always read and written digit by digit.
        direction: which is read, and which written.
        numbers: how many, at most a million; a third each has up to two, up to four and up to six digits, as far as
            there are so many.
        test: share of the numbers that the test split has; 0 for none.

    Other arguments as for `dl_runner.data.parallel_corpus.parallel_corpus`.

    Raises:
        UserError: there are not so many numbers.
    """
    if numbers > BELOW:
        raise UserError(f"data.numbers={numbers}: there are {BELOW:,} numbers below a million; use at most as many")
    found = [(str(number), in_words(number)) for number in drawn(numbers)]
    tokenizers = [char(), tokenizer or word()]
    if direction == "to_numerals":
        found = [(words, numeral) for numeral, words in found]
        tokenizers.reverse()
    return parallel_corpus(
        found,
        *tokenizers,
        test=test,
        pairs=pairs,
        length=length,
        batching=batching,
        seed=seed,
    )


def drawn(count: int) -> list[int]:
    """Different numbers, in no order, always the same."""
    random, found = Random(0), set()
    for share, digits in ((1 / 3, 2), (2 / 3, 4), (1.0, 6)):
        most = min(round(share * count), 10**digits)
        while len(found) < most:
            found.add(random.randrange(10**digits))
    ordered = sorted(found)
    random.shuffle(ordered)
    return ordered


def in_words(number: int) -> str:
    """A number of 0 … 999,999 in English words, without "and"; "twenty-one" has a hyphen no more, so that each word is
    a token."""
    if number >= 1000:
        rest = number % 1000
        return in_words(number // 1000) + " thousand" + (f" {in_words(rest)}" if rest else "")
    if number >= 100:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" {in_words(rest)}" if rest else "")
    if number >= 20:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    return ONES[number]
