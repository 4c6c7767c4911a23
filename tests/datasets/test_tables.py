"""Tables from the file to the submission: found, downloaded, trained on, evaluated and predicted."""

import csv as csv_module
import json
import shutil
import sys

import numpy as np
import pytest
import torch
from helpers import double, run
from sklearn.linear_model import LinearRegression
from tables import HOUSES, write, write_houses

from dl_runner.cli.app import run as command
from dl_runner.data.dataset import Cuts, cut
from dl_runner.data.table import official
from dl_runner.data.table.records import import_polars
from dl_runner.datasets.csv import csv
from dl_runner.datasets.scikit_learn import COLUMNS, scikit_learn
from dl_runner.errors import UserError
from dl_runner.spec import Classes

TABLES = ("iris", "wine", "breast_cancer", "diabetes")


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_of_scikit_learn_are_its_own(name, tmp_path):
    from sklearn import datasets

    reference = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    data = scikit_learn(tmp_path, table=name, test=0.0)
    np.testing.assert_array_equal(data.train.numeric.numpy(), reference.data)
    targets = data.train.targets.numpy()
    np.testing.assert_array_equal(
        targets if targets.ndim == 1 else targets[:, 0], reference.target.astype(targets.dtype)
    )
    assert len(COLUMNS[name]) == reference.data.shape[1] and data.spec.inputs.numeric == COLUMNS[name]
    if name != "diabetes":
        assert len(data.spec.targets.names) == len(reference.target_names)
        held = scikit_learn(tmp_path, table=name, test=0.2).test.targets
        share = torch.bincount(held) / torch.bincount(data.train.targets)
        assert share.numpy() == pytest.approx(0.2, abs=0.02)  # classes in proportion


def test_house_prices_are_found_under_either_name_and_a_damaged_download_is_not_taken(tmp_path):
    write_houses(tmp_path / "house_prices" / "train.csv", 30)
    options = {"path": "house_prices/train.csv", "target": "SalePrice", "identifier": ("Id",), "test": 0.0}
    data = csv(tmp_path, **options, download=False)
    assert len(data.train) == 30 and "Id" not in data.train.names
    shutil.move(tmp_path / "house_prices" / "train.csv", tmp_path / "house_prices" / "kaggle_house_pred_train.csv")
    with pytest.raises(UserError, match=r"kaggle_house_pred_train.csv: damaged \(md5"):
        csv(tmp_path, **options, download=False)
    with pytest.raises(UserError, match=r"put kaggle_house_pred_train.csv into .*; train.csv is taken as well"):
        csv(tmp_path / "elsewhere", **options, download=False)
    assert all(len(remote.digest) == 32 for remote in official.FILES.values())


def test_a_file_that_is_nowhere_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"data\.path=mine.csv: no such file \(looked for .*data/mine.csv and .*mine.csv"
    ):
        csv(tmp_path / "data", path="mine.csv", target="x")
    write(tmp_path, HOUSES, "mine.csv")
    assert len(csv(tmp_path / "data", path="mine.csv", target="price", identifier="Id", test=0.0).train) == 8


def test_without_polars_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(UserError, match=r"pip install 'dl_runner\[tables\]'"):
        import_polars()


def test_too_many_folds_for_the_rarest_class_name_it(tmp_path):
    path = write(tmp_path, "a,b,kind\n" + "".join(f"{i}.5,{i * i},{'x' if i else 'y'}\n" for i in range(9)))
    data = csv(tmp_path, path=str(path), target="kind", test=0.0)
    with pytest.raises(UserError, match="class y has only 1 training examples"):
        cut(data, Cuts(folds=3, fold=0))


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """A run on house prices of our own making, on logarithms, and the file of houses without prices."""
    folder = tmp_path_factory.mktemp("houses")
    write_houses(folder / "house_prices" / "train.csv", 60)
    write_houses(folder / "house_prices" / "test.csv", 25, seed=1, prices=False)
    options = ("data=house_prices", f"data.root={folder}", "data.rare=2", "data.indicator=true", "model=embedding_mlp")
    task = ("task=regression", "task.target=log", "task.standardize=true", "trainer.epochs=30", "optimizer=adam")
    result = run(folder, *options, *task, "optimizer.lr=0.01", "data.folds=3", "data.fold=1")
    return folder, result.record.folder


def test_predictions_are_a_submission(houses, tmp_path, capsys):
    folder, trained = houses
    out = tmp_path / "predictions.csv"
    assert command(["predict", str(trained), str(folder / "house_prices" / "test.csv"), "--out", str(out)]) == 0
    assert capsys.readouterr().out.startswith("25 rows: ")
    lines = out.read_text().splitlines()
    assert lines[0] == "Id,SalePrice" and [line.split(",")[0] for line in lines[1:]] == [str(i) for i in range(1, 26)]
    with (folder / "house_prices" / "test.csv").open() as file:
        areas = [float(row["LotArea"]) for row in csv_module.DictReader(file)]
    prices = [float(line.split(",")[1]) for line in lines[1:]]
    assert min(prices) > 5e4 and np.corrcoef(np.log(areas), np.log(prices))[0, 1] > 0.8


def test_a_run_is_evaluated_and_its_metrics_are_those_that_it_recorded(houses, capsys):
    _, trained = houses
    assert command(["evaluate", str(trained), "--split", "validation"]) == 0
    said = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    recorded = json.loads((trained / "run.json").read_text())["metrics"]
    assert float(said["validation/log_rmse"]) == pytest.approx(recorded["validation/log_rmse"], abs=1e-4)
    assert recorded["validation/log_rmse"] < 0.3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("LotArea", "Area"), "has no column LotArea; a model takes the columns that it was trained on, 6 in all"),
        (("\n2,", "\nx,1,"), "line 3: has 7 fields, and there are 6 columns"),
        (("\n2,60,", "\n2,60,wide"), "line 3, column LotFrontage: 'wide"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_line_and_column(houses, tmp_path, change, said, capsys):
    folder, trained = houses
    content = (folder / "house_prices" / "test.csv").read_text().replace("\n2,20,", "\n2,60,")
    path = write(tmp_path, content.replace(*change, 1))
    assert command(["predict", str(trained), str(path), "--out", str(tmp_path / "out.csv")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out.csv").exists()


def test_an_option_of_another_task_is_named_as_it_was_typed(houses, capsys):
    folder, trained = houses
    line = ["predict", str(trained), str(folder / "house_prices" / "test.csv"), "--probabilities"]
    assert command(line) == 2
    assert "--probabilities: is no option of predictions by the task regression" in capsys.readouterr().err


def test_columns_that_the_model_does_not_know_are_left_out_and_named(houses, tmp_path, caplog):
    folder, trained = houses
    lines = (folder / "house_prices" / "test.csv").read_text().splitlines()
    path = write(tmp_path, "\n".join([lines[0] + ",remark", *(line + ",old" for line in lines[1:])]))
    assert command(["predict", str(trained), str(path), "--out", str(tmp_path / "out.csv")]) == 0
    assert "left out, as the model was not trained on it: column remark" in caplog.text


def test_categories_that_training_did_not_see_are_named(houses, tmp_path, caplog):
    folder, trained = houses
    content = (folder / "house_prices" / "test.csv").read_text().replace("NAmes", "Mars")
    assert command(["predict", str(trained), str(write(tmp_path, content)), "--out", str(tmp_path / "out.csv")]) == 0
    assert "column Neighborhood: " in caplog.text and "did not tell from others: Mars" in caplog.text


def test_classes_with_their_probabilities_are_a_file_too(tmp_path, capsys):
    content = "who,a,b,kind\n" + "".join(f"p{i},{i % 7},{i % 3},{'ja' if i % 7 > 3 else 'nein'}\n" for i in range(60))
    path = write(tmp_path, content.replace("p3,3,0", "p3,,0"))
    options = ("data=csv", f"data.path={path}", "data.target=kind", "data.identifier=who", "optimizer=adam")
    trained = run(tmp_path, *options, "model=mlp", "trainer.epochs=40", "optimizer.lr=0.03").record.folder
    out = tmp_path / "answers.csv"
    assert command(["predict", str(trained), str(path), "--out", str(out), "--probabilities"]) == 0
    with out.open() as file:
        answers = list(csv_module.DictReader(file))
    assert list(answers[0]) == ["who", "kind", "kind=ja", "kind=nein"] and len(answers) == 60
    assert all(float(one["kind=ja"]) + float(one["kind=nein"]) == pytest.approx(1, abs=1e-5) for one in answers)
    assert sum(one["kind"] == ("ja" if int(one["who"][1:]) % 7 > 3 else "nein") for one in answers) > 55
    capsys.readouterr()
    assert command(["predict", str(trained), str(path), "--top", "1"]) == 0
    assert "p59" in capsys.readouterr().out
    for options, said in (
        (["--invert"], "--invert: is for pictures"),
        (["--probabilities"], "--probabilities: the task classification takes it only with --split or --out FILE.csv"),
        (["--out", str(tmp_path / "folder")], "is for pictures, and these answers hold none; name a file"),
    ):
        assert command(["predict", str(trained), str(path), *options]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "folder").exists()


def test_linear_regression_by_gradient_descent_is_scikit_learns(tmp_path):
    random = np.random.default_rng(0)
    x, town = random.normal(size=(80, 3)), random.choice(3, 80)
    y = x @ [2.0, -1.0, 0.5] + np.array([0.0, 3.0, -2.0])[town] + 0.1 * random.normal(size=80)
    lines = [
        f"{a!r},{b!r},{c!r},{'ABC'[t]},{v!r}" for (a, b, c), t, v in zip(x.tolist(), town, y.tolist(), strict=True)
    ]
    path = write(tmp_path, "a,b,c,town,y\n" + "\n".join(lines))
    options = ("data=csv", f"data.path={path}", "data.target=y", "data.test=0", "data.validation=0", "model=linear")
    with double():
        result = run(tmp_path, *options, "data.batch_size=80", "trainer.epochs=400", "optimizer.lr=0.2", "init=default")
    hot = np.eye(3)[town]
    fitted = LinearRegression().fit(np.concatenate([x, hot], 1), y)
    residual = np.sqrt(((fitted.predict(np.concatenate([x, hot], 1)) - y) ** 2).mean())
    assert result.record["metrics"]["train/rmse"] == pytest.approx(residual, rel=1e-5)


def test_the_same_seed_holds_out_the_same_rows(tmp_path):
    path = write(tmp_path, "a,b,kind\n" + "".join(f"{i % 7},{i % 5},{'u' if i % 7 > 3 else 'v'}\n" for i in range(40)))
    data = csv(tmp_path, path=str(path), target="kind", test=0.25)
    assert isinstance(data.spec.targets, Classes) and len(data.test) == 10
    again = csv(tmp_path, path=str(path), target="kind", test=0.25)
    assert again.train.digest() == data.train.digest() and again.test.digest() == data.test.digest()
    assert csv(tmp_path, path=str(path), target="kind", test=0.25, seed=1).train.digest() != data.train.digest()
