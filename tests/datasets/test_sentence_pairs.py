"""The data sets of sentences and translations."""

import gzip

import pytest
from data_formats import write_fra_eng, write_multi30k

from dl_runner.data.dataset import Cuts, cut
from dl_runner.data.vocabulary import EOS
from dl_runner.datasets.fra_eng import fra_eng
from dl_runner.datasets.multi30k import multi30k
from dl_runner.datasets.number_words import drawn, in_words, number_words
from dl_runner.datasets.parallel_text import parallel_text
from dl_runner.errors import UserError


@pytest.mark.parametrize(
    "number, words",
    [
        (0, "zero"),
        (13, "thirteen"),
        (20, "twenty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (1_001, "one thousand one"),
        (40_015, "forty thousand fifteen"),
        (700_320, "seven hundred thousand three hundred twenty"),
        (999_999, "nine hundred ninety nine thousand nine hundred ninety nine"),
    ],
)
def test_numbers_in_words(number, words):
    assert in_words(number) == words


def value(words: str) -> int:
    """What English number words are worth: the inverse, by addition and multiplication."""
    small = {in_words(number): number for number in range(20)} | {in_words(ten): ten for ten in range(20, 100, 10)}
    thousands = part = 0
    for one in words.split():
        if one == "hundred":
            part *= 100
        elif one == "thousand":
            thousands, part = part * 1000, 0
        else:
            part += small[one]
    return thousands + part


def test_no_number_is_in_two_splits_and_every_translation_is_right():
    data = cut(number_words(numbers=600), Cuts(validation=0.1))
    raw = number_words(numbers=600)
    assert [len(split) for split in data.splits] == [486, 54, 60]
    pairs = [pair for split in (raw.train, raw.test) for pair in zip(split.sources, split.targets, strict=True)]
    assert len({numeral for numeral, _ in pairs}) == 600
    assert all(int(numeral) == value(words) for numeral, words in pairs)
    back = number_words(numbers=600, direction="to_numerals")
    assert (back.test.sources, back.test.targets) == (raw.test.targets, raw.test.sources)
    assert drawn(600) == drawn(600) and max(map(len, map(str, drawn(600)))) == 6


def test_numerals_are_read_digit_by_digit_in_either_direction():
    there, back = (cut(number_words(numbers=300, direction=way), Cuts()).fitted for way in ("to_words", "to_numerals"))
    for digits, words in ((there.source, there.target), (back.target, back.source)):
        assert sorted(digits.tokens[4:]) == list("0123456789")
        assert digits.decode(digits.encode("4217")) == "4217"
        assert words.decode(words.encode("four thousand two")) == "four thousand two"
    with pytest.raises(UserError, match=r"data\.numbers=1000001: there are 1,000,000"):
        number_words(numbers=1_000_001)


@pytest.fixture
def small_fra_eng(tmp_path):
    write_fra_eng(tmp_path, "Go.\tVa\u202f!\nHi.\tSalut\xa0!\nI'm OK.\tÇa va, moi.\n")
    return tmp_path


def test_the_books_clean_up_is_that_of_lower_case_words(small_fra_eng):
    data = fra_eng(small_fra_eng, download=False, test=0.0)
    split = data.fit.source.split
    assert [split(one) for one in data.train.sources] == [["go", "."], ["hi", "."], ["i'm", "ok", "."]]
    assert [split(one) for one in data.train.targets] == [["va", "!"], ["salut", "!"], ["ça", "va", ",", "moi", "."]]
    back = fra_eng(small_fra_eng, download=False, test=0.0, direction="fr-en", pairs=1)
    assert (back.train.sources, back.train.targets) == (["Va !"], ["Go."])


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_archive_is_named(damage, small_fra_eng):
    path = small_fra_eng / "fra_eng" / "fra-eng.zip"
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(UserError, match=r"fra-eng\.zip: damaged, or without fra-eng/fra\.txt; delete it"):
        fra_eng(small_fra_eng, download=False)


def test_the_books_first_600_pairs(text_root):
    data = cut(fra_eng(text_root, download=False, test=0.0, pairs=600, length=10), Cuts())
    assert len(data.train) == 600 and data.train.note == ""
    assert data.train.lengths.amax(0).tolist() == [5, 8]


@pytest.fixture
def small_multi30k(tmp_path):
    write_multi30k(tmp_path, 5)
    return tmp_path


@pytest.mark.parametrize("source, target, year", [("de", "en", 2016), ("en", "fr", 2017)])
def test_the_official_splits_in_any_direction(source, target, year, small_multi30k):
    data = multi30k(small_multi30k, download=False, source=source, target=target, year=year)
    names = ("train", "val", f"test_{year}_flickr")
    for split, name in zip(data.splits, names, strict=True):
        assert split.sources == [f"{source} {name} {number}" for number in range(5)]
        assert split.targets == [f"{target} {name} {number}" for number in range(5)]
    assert len(cut(data, Cuts(validation=0.4)).train) == 5  # the official validation split is kept


def test_what_is_wrong_with_its_files_is_told(small_multi30k):
    folder = small_multi30k / "multi30k"
    with pytest.raises(UserError, match=r"data\.target=de: is the language of data\.source"):
        multi30k(small_multi30k, source="de", target="de")
    whole = (folder / "val.en.gz").read_bytes()
    for damage in (whole[:-9], b"", b"plain", gzip.compress(b"\xff\xfe")):
        (folder / "val.en.gz").write_bytes(damage)
        with pytest.raises(UserError, match=r"val\.en\.gz: damaged; delete it"):
            multi30k(small_multi30k, download=False)
    (folder / "val.en.gz").unlink()
    with pytest.raises(UserError, match=r"data\.download is false\); put val\.en\.gz into .*multi30k;"):
        multi30k(small_multi30k, download=False)


def test_multi30k_is_whole(text_root):
    data = multi30k(text_root, download=False, year=2017)
    assert [len(split) for split in data.splits] == [29_000, 1_014, 1_000]
    assert data.train.sources[0].startswith("Zwei junge weiße Männer sind im Freien")
    assert data.train.targets[0].startswith("Two young, White males are outside")


def test_a_file_of_ones_own(tmp_path):
    (tmp_path / "one.txt").write_bytes(b"\xef\xbb\xbfa\tx\r\nb\ty\r\n")
    (tmp_path / "left.txt").write_text("a\nb\n")
    (tmp_path / "right.txt").write_text("x\ny")
    one = parallel_text(path=tmp_path / "one.txt", test=0.0)
    two = parallel_text(path=tmp_path / "left.txt", translations=tmp_path / "right.txt", test=0.0)
    assert one.train.digest() == two.train.digest() and (one.train.sources, one.train.targets) == (
        ["a", "b"],
        ["x", "y"],
    )


@pytest.mark.parametrize(
    "content, told",
    [
        (b"ab\xff\tc\n", r"is no UTF-8 text: byte 0xff at position 2, in line 1 \(invalid start byte\)"),
        (b" \n\n", "is empty; give a file with a sentence in every line"),
        (None, "cannot be read"),
    ],
)
def test_no_text_is_told_with_the_file(content, told, tmp_path):
    (tmp_path / "good.txt").write_text("a\n")
    if content is not None:
        (tmp_path / "bad.txt").write_bytes(content)
    for paths in ({"path": "bad.txt"}, {"path": "good.txt", "translations": "bad.txt"}):
        with pytest.raises(UserError, match=rf"bad\.txt: {told}"):
            parallel_text(**{key: tmp_path / name for key, name in paths.items()})


def test_how_many_are_cut_is_told_of_each_split():
    data = cut(number_words(numbers=100, length=3), Cuts(validation=0.2))
    told = [note.split(" pairs are cut to data.length=3 tokens")[0].split() for note in data.notes]
    assert [words[0] for words in told] == ["train:", "validation:", "test:"]
    for (_, number, _, whole), split in zip(told, data.splits, strict=True):
        assert int(whole) == len(split)
        assert int(number) == len(split) - int(((split.source == EOS).any(1) & (split.target == EOS).any(1)).sum()) > 0
