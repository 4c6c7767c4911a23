"""Which columns are numbers, categories, targets; what is neither is refused by line and column."""

import pytest
import torch
from tables import HOUSES, write

from dl_runner.data.table.read import Roles, read_table
from dl_runner.data.table.rows import read_rows
from dl_runner.data.table.text_file import Format
from dl_runner.errors import UserError
from dl_runner.spec import Classes, Numbers


def read(folder, content, target="price", form=None, **roles):
    table, kind, _, notes = read_table(write(folder, content), form or Format(), Roles(target, **roles))
    return table, kind, notes


def test_columns_are_found_by_their_values(tmp_path):
    table, kind, notes = read(tmp_path, HOUSES, identifier=("Id",))
    assert (table.names, dict(table.levels)) == (
        ("area", "rooms"),
        {"town": ("Bonn", "Köln", "Ulm"), "street": ("gravel", "paved")},
    )
    assert (kind, notes) == (Numbers(1), [])
    assert table.numeric[:3].isnan().tolist() == [[False, False], [False, True], [True, False]]
    assert table.codes[:4].tolist() == [[2, 1], [1, 1], [2, -1], [0, 0]]
    assert table.targets.dtype == torch.float32 and table.targets[:2].tolist() == [[100.0], [180.0]]
    assert table.strata is None


def test_texts_as_targets_are_classes_and_numbers_may_be(tmp_path):
    table, kind, _ = read(tmp_path, HOUSES, "street", without_target="drop", drop=("Id",))
    assert kind == Classes(("gravel", "paved")) and table.strata.tolist() == [1, 1, 0, 1, 1, 0, 1]
    content = "a,label\n" + "".join(f"{i}.5,{label}\n" for i, label in enumerate((10, 9, 9, 10, 100)))
    _, kind, _ = read(tmp_path, content, "label", targets="classes")
    assert kind == Classes(("9", "10", "100"))
    assert read(tmp_path, content, "label", categories=("label",))[1] == kind
    assert read(tmp_path, content, "label")[1] == Numbers(1)


def test_a_column_may_be_taken_for_categories(tmp_path):
    table, _, _ = read(tmp_path, HOUSES, identifier=("Id",), categories=("rooms",))
    assert table.names == ("area",) and table.levels["rooms"] == ("2", "3", "4", "5")


def test_decimal_commas(tmp_path):
    content = "size;town;price\n1,5;Ulm;10\n2,25;Bonn;20\n;Ulm;30,5\n"
    table, _, _ = read(tmp_path, content, categories=("town",))
    assert table.numeric[:2, 0].tolist() == [1.5, 2.25] and table.targets[:, 0].tolist() == [10.0, 20.0, 30.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a;b;price\n1.5;1,5;1\n2.5;2,5;2\n", r"line 2, column b: 1,5 has a comma, but .*column a: 1.5 has a point"),
        ('a,price\n"1,234",1\n"2,345",2\n', r"line 2, column a: 1,234 has a comma, in a file whose fields a comma"),
        ("a,price\n2020-01-03,1\n2020-02-04,2\n", r"line 2, column a: '2020-01-03' is a date.*data.drop=\[a\]"),
        ("a,price\n3.1.2020,1\n24.12.2020,2\n", r"line 2, column a: '3.1.2020' is a date"),
        ("a,price\n1,1\n2,2\n\nx,3\n4,4\n", r"line 5, column a: 'x' is no number, and 3 of the others are"),
        ("a,price\n1,1\ninf,2\n3,3\n", r"line 3, column a: 'inf' is no number"),
        ("a;price\n1;1,234\n2;2,345\n", r"line 2, column price: 1,234 has a comma, and three .*data.decimal=comma"),
        ("a;price\n-1,234;1\n0;2\n", r"line 2, column a: -1,234 has a comma, and three digits after it"),
        ("a;price\n1,234,567;1\n22;2\n", r"line 2, column a: '1,234,567' has separated thousands.*data.drop=\[a\]"),
        ("a;price\n1.234,50;1\n2.234,50;2\n", r"line 2, column a: '1.234,50' has separated thousands"),
        ("a;price\n1;x\n20200101;2\n", r"line 2, column price: 'x' is no number, and 1 of the others is; data"),
        ("a,price\n1,x\n", r"line 2, column price: 'x' is no number; data.missing"),
        ("a,price\n20200101,1\n20201231,2\n", r"line 2, column a: '20200101' is a date.*data.drop=\[a\]"),
        ("a,price\n1 Jan 2020,1\n3 March 2020,2\n", r"column a: '1 Jan 2020' is a date"),
        ('a,price\n"Jan 1, 2020",1\n"May 3, 2020",2\n', r"column a: 'Jan 1, 2020' is a date"),
        ("a,price\n01.02.20,1\n02.02.20,2\n", r"column a: '01.02.20' is a date.*data.categories=\[a\]"),
        ("a,price\n1,1\n2,1e39\n", r"line 3, column price: 1e\+39 is too large for a target"),
        ("a,price\n1,1e-39\n2,2e-39\n", r"line 3, column price: 2e-39 is too small for a target.*smaller unit"),
        ("a,b,price\n,1,1\n,2,2\n", r"column a: holds no value; data.drop=\[a\]"),
        ("a,price\n1,1\n2,\n3,3\n", r"line 3, column price: the target is missing, as in 1 of 3 rows"),
        ("a,price\n1,1\n2,2\n3,cheap\n", r"line 4, column price: 'cheap' is no number"),
        ("price\n1\n2\n", r"has no column beside the target"),
        ("name,price\n" + "".join(f"Mr {i},{i}\n" for i in range(50)), r"column name: 50 different texts in 50 rows"),
    ],
)  # fmt: skip
def test_what_a_model_cannot_read_is_refused_in_one_line(tmp_path, content, said):
    with pytest.raises(UserError, match=said) as caught:
        read(tmp_path, content, targets="numbers")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a;price\n1;1,234,567\n2;2,345,678\n", r"column price: '1,234,567' has separated thousands.*targets=classes"),
        ("a,price\n1,20200101\n2,20200102\n", r"column price: '20200101' is a date.*data.targets=numbers"),
        ("a,price\n1.5,x\n", r"data.target=price: is 'x' in every row"),
    ],
)  # fmt: skip
def test_a_target_that_is_neither_numbers_nor_classes_is_refused(tmp_path, content, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, content)


@pytest.mark.parametrize("cell", ["1999", "20200199", "2.5", "3-room", "A1", "12 inch 45", "1,5", "0,123", "10 20"])
def test_what_only_resembles_dates_or_thousands_is_read(tmp_path, cell):
    read(tmp_path, f"a;b;price\n{cell};x;1\n{cell};y;2\n")


@pytest.mark.parametrize(
    ("content", "decimal"),
    [("a;price\n1,5;2\n", "comma"), ("a;price\n1.5;2\n", "point"), ("a;price\n1;2\n", "auto")],
)
def test_the_training_file_tells_how_a_users_rows_are_written(tmp_path, content, decimal):
    found = read_table(write(tmp_path, content), Format(), Roles("price"))[2]
    assert (found.separator, found.decimal) == (";", decimal)
    other = {"comma": "1.5", "point": "1,5"}.get(decimal, "1,234")
    with pytest.raises(UserError, match="line 2, column a: ") as caught:
        read_rows(write(tmp_path, f"a;b\n{other};\n"), found, Roles("price"), ["a"], [])
    assert "data." not in str(caught.value) and other in str(caught.value)


def test_the_number_of_a_row_has_not_the_name_of_the_target(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n3,4\n")
    for target, expected in (("row", "number"), ("price", "row")):
        assert read_rows(path, Format(), Roles(target), ["a", "b"], [])[0] == [{expected: 1}, {expected: 2}]


def test_numbers_that_begin_with_a_zero_are_noted(tmp_path):
    _, _, notes = read(tmp_path, "zip,share,price\n12345,0.5,1.5\n00037,0,2.5\n")
    assert notes[0].startswith("column zip is taken for numbers, though 00037")
    assert "data.categories=[zip]" in notes[0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0, 1, 2] * 4, "the target label has 3 values: data.targets=classes"),
        (list(range(10)) * 2, "the target label has 10 values"),
        (list(range(11)) * 2, None),
        ([0.5, 1, 2] * 4, None),
        ([3, 1, 2], None),
        ([7], "the target label is the same in every row"),
    ],
)
def test_few_whole_numbers_may_be_classes(tmp_path, values, said):
    rows = "".join(f"{at * at}.5,{value}\n" for at, value in enumerate(values))
    _, _, notes = read(tmp_path, "a,label\n" + rows, "label")
    assert [note.startswith(said) for note in notes] == [True] if said else notes == []


def test_what_is_refused_may_be_dropped_or_taken_for_categories(tmp_path):
    content = "when,name,price\n" + "".join(f"2020-01-{i:02},Mr {i},{i}.5\n" for i in range(1, 31))
    table, _, _ = read(tmp_path, content, drop=("when",), categories=("name",))
    assert table.names == () and len(table.levels["name"]) == 30


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"target": "prise"}, "data.target=prise: no such column in .*did you mean price"),
        ({"target": "price", "drop": ("x",)}, "data.drop=x: no such column"),
        ({"target": "price", "drop": ("price",)}, "data.drop=price: is in data.target already"),
    ],
)
def test_columns_that_are_not_there_are_named(tmp_path, roles, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, HOUSES, **roles)


def test_lines_are_those_of_the_file_where_rows_without_a_target_are_left_out(tmp_path):
    content = "a,price\n1,1\n2,\n3,3\nx,4\n5,5\n"
    with pytest.raises(UserError, match="line 5, column a"):
        read(tmp_path, content, without_target="drop")
    table, _, notes = read(tmp_path, content.replace("x", "4"), without_target="drop")
    assert len(table) == 4 and notes == ["1 of 5 rows have no target and are left out"]


def test_what_looks_like_an_identifier_or_like_classes_is_noted(tmp_path):
    content = "n,a,label\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(1, 6))
    _, _, notes = read(tmp_path, content, "label")
    assert [note.partition(":")[0] for note in notes] == ["column n counts the rows", "the target label has 2 values"]


def test_the_digest_sees_every_value(tmp_path):
    digests = {read(tmp_path, text, drop=("Id",))[0].digest() for text in (
        HOUSES, HOUSES.replace("120", "121"), HOUSES.replace("Bonn", "Berg"), HOUSES.replace("260", "261"),
        HOUSES.replace("rooms", "rums"), HOUSES.replace("a3,,", "a3,3,"),
    )}  # fmt: skip
    assert len(digests) == 6
