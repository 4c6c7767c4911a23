"""Every form of a table file is read right, or refused by its line."""

import bz2
import csv
import gzip
import io
import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import write

from dl_runner.config.types import arguments, checked
from dl_runner.data.table.records import read_records
from dl_runner.data.table.text_file import Format, Separator
from dl_runner.datasets.csv import csv as csv_data
from dl_runner.errors import UserError


def rows(folder, content, **form):
    records = read_records(write(folder, content), Format(**form))
    return records.columns, records.frame.rows()


def test_a_users_rows_are_read_as_those_of_the_training_and_no_key_changes_that(tmp_path):
    for content, said in (("a,b\n1\n", "separate its fields with"), (b"a,b\n\xe4,1\n", "save it in that encoding")):
        with pytest.raises(UserError, match=said) as caught:
            read_records(write(tmp_path, content), Format(","), asked=True)
        assert "data." not in str(caught.value)


@settings(max_examples=50, deadline=None)
@given(
    table=st.lists(st.tuples(*[st.sampled_from(["", " ", "NA", "-", "1", "x y"])] * 2), min_size=1, max_size=5),
    missing=st.sets(st.sampled_from(["", "NA", "-"])),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_both_ways_of_reading_give_the_same_table(tmp_path_factory, table, missing, quoting):
    """A quotation mark in another column leaves the reading to the csv module."""
    found = []
    for other in ("plain", 'a"b'):
        output = io.StringIO(newline="")
        csv.writer(output, quoting=quoting).writerows([("x", "y", "z"), *((*row, other) for row in table)])
        found.append(rows(tmp_path_factory.mktemp("t"), output.getvalue(), separator=",", missing=tuple(missing))[1])
    assert [row[:2] for row in found[0]] == [row[:2] for row in found[1]]
    gone = {*missing, ""}
    assert [row[:2] for row in found[0]] == [
        tuple(None if one.strip() in gone else one.strip() for one in row) for row in table
    ]


@pytest.mark.parametrize("separator", ["ab", "§", '"', "", "\n", "a", 7])
def test_a_separator_is_one_character_of_ascii(separator):
    with pytest.raises(UserError, match=r"(?s)^data\.separator=.*one ASCII character .* or null"):
        arguments(csv_data, {"path": "x", "target": "y", "separator": separator}, "data", {"root"})
    assert checked("\\t", Separator, "data.separator") == "\t"


@pytest.mark.parametrize(
    ("content", "form", "expected"),
    [
        ("a,b\n1,x\n2,y\n", {}, [("1", "x"), ("2", "y")]),
        (b"\xef\xbb\xbfa,b\n1,x\n", {}, [("1", "x")]),
        ("a;b\n1,5;x\n2,25;y\n", {}, [("1,5", "x"), ("2,25", "y")]),
        ("a\tb\n1\t2\n", {}, [("1", "2")]),
        ("a|b\n1|2\n", {}, [("1", "2")]),
        ("a,b\n1,2\n\n   \n3,4\n\n", {}, [("1", "2"), ("3", "4")]),
        ("a,b\n,\n1,2\n", {}, [(None, None), ("1", "2")]),
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", {}, [("1", "2"), ("3", "4")]),
        ("a,b\r1,2\r3,4\r", {}, [("1", "2"), ("3", "4")]),
        ('a,b\n"1,5","say ""x""\nand y"\n', {}, [("1,5", 'say "x"\nand y')]),
        ('a,b\n12" pipe,x\n"3" "4,"y"\n', {}, None),
        ('a,b\n12" pipe,x\n5" rod,y\n', {}, [('12" pipe', "x"), ('5" rod', "y")]),
        (" a , b\n 1 , NA\n?, x\n", {}, [("1", None), (None, "x")]),
        ("a,b\nNA,-\n1,2\n", {"missing": ("-",)}, [("NA", None), ("1", "2")]),
        ("1\t2\n3\t4\n", {"names": ("a", "b")}, [("1", "2"), ("3", "4")]),
        ("a,b\nä,1\n".encode("cp1252"), {"encoding": "cp1252"}, [("ä", "1")]),
        ("a,b\nä,1\n".encode("utf-16"), {"encoding": "utf-16"}, [("ä", "1")]),
        ("a,b\nä,1\n".encode("utf-16"), {}, [("ä", "1")]),
        ("a,b\n,NA\n", {"missing": ("NA",)}, [(None, None)]),
        ('a,b\n,x"\n', {"missing": ("NA",)}, [(None, 'x"')]),
        ("a\n1\n\n2\n", {}, [("1",), ("2",)]),
    ],
)
def test_a_file_is_read_right(tmp_path, content, form, expected):
    if expected is None:
        with pytest.raises(UserError, match="line 3"):
            rows(tmp_path, content, **form)
        return
    columns, found = rows(tmp_path, content, **form)
    assert columns == ["a", "b"][: len(expected[0])] and found == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,c\n1,2,3\n\n4,5\n", "line 4: has 2 fields, and there are 3 columns"),
        ("a,b\n1,2\n3,4,5\n", "line 3: has 3 fields, and there are 2 columns"),
        ('a,b\n"x\ny",2\n3\n', "line 4: has 1 fields"),
        ("a,b,a\n1,2,3\n", "line 1: columns 1 and 3 are both named a"),
        (",b\n1,2\n", "line 1: column 1 has no name"),
        ('a,b\n1,2\n"3,4\n5,6\n', "line 3: unexpected end of data; check the quotation marks"),
        (b"a,b\n1,2\n1,\xe4\n", r"is no utf-8 text \(line 3\)"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), r"is no text but compressed \(gzip\); unpack it"),
        (lzma.compress(b"a,b\n1,2\n"), r"is no text but compressed \(xz\)"),
        (bz2.compress(b"a,b\n1,2\n"), r"is no text but compressed \(bzip2\)"),
        (b"PK\x03\x04\x14\x00\x08\x08\xff", "is no text but a zip archive or a spreadsheet"),
        (b"PAR1\x15\x04\x15\xff", "is no text but a Parquet file"),
        ("a,b\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, content, said):
    with pytest.raises(UserError, match=said) as caught:
        rows(tmp_path, content)
    assert str(tmp_path / "rows.csv") in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_encoding_are_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_records(tmp_path / "none.csv", Format())
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        read_records(tmp_path, Format())
    with pytest.raises(UserError, match=r"data\.encoding=utf-9"):
        rows(tmp_path, "a,b\n1,2\n", encoding="utf-9")


def test_a_value_is_placed_by_the_line_that_its_record_starts_in(tmp_path):
    records = read_records(write(tmp_path, 'a,b\n\n"1\n2",3\n\n4,5\n'), Format())
    assert [records.place(row, "b").partition(", ")[2] for row in (0, 1)] == ["line 3, column b", "line 6, column b"]


texts = st.text(st.sampled_from('ab1 ,;"\n\t.é-'), max_size=5)


@settings(max_examples=150, deadline=None)
@given(
    table=st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5),
    separator=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(tmp_path_factory, table, separator, quoting, ending):
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=separator, quoting=quoting, lineterminator=ending)
    writer.writerows([("x", "y", "z"), *table])
    columns, found = rows(tmp_path_factory.mktemp("t"), output.getvalue(), separator=separator, missing=("",))
    assert columns == ["x", "y", "z"]
    assert found == [tuple(text.strip() or None for text in row) for row in table]
