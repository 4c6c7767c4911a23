"""What is fitted to a table equals scikit-learn's, comes from the training rows alone, and survives its file."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dl_runner.data.dataset import Cuts, Data, cut
from dl_runner.data.fitted.columns import columns
from dl_runner.data.preparation import preparation
from dl_runner.data.table.column_fit import ColumnFit
from dl_runner.data.table.read import Roles
from dl_runner.data.table.split import Table
from dl_runner.data.table.text_file import Format
from dl_runner.errors import UserError
from dl_runner.layers.columns import RowAsVector
from dl_runner.spec import Columns, DataSpec, Numbers

SPEC = DataSpec(Columns(("x", "y"), ("c",), (4,)), Numbers(1), "regression")
LEVELS = {"c": ("blue", "green", "red", "white")}


def table(rows: int, seed: int = 0, missing: float = 0.2) -> Table:
    random = np.random.default_rng(seed)
    numeric = random.lognormal(size=(rows, 2))
    numeric[random.random((rows, 2)) < missing] = np.nan
    numeric[:2] = [[1.0, 2.0], [1.5, 2.5]]  # each column has values
    codes = random.choice(5, (rows, 1), p=[0.5, 0.2, 0.2, 0.05, 0.05]).astype(np.int32) - 1
    targets = torch.from_numpy(random.random((rows, 1))).float()
    return Table(torch.from_numpy(numeric), torch.from_numpy(codes), LEVELS, ("x", "y"), targets)


def fit(train: Table, **options):
    return ColumnFit(SPEC, Format(), Roles("t"), **options).fit(train)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    impute=st.sampled_from(["mean", "median", "most_frequent", "constant"]),
    indicator=st.booleans(),
)
def test_imputation_and_standardization_are_those_of_scikit_learn(seed, impute, indicator):
    train, other = table(30, seed), table(20, seed + 100)
    imputer = SimpleImputer(strategy=impute, fill_value=-1.5 if impute == "constant" else None, add_indicator=indicator)
    scaler = StandardScaler()
    imputed = imputer.fit_transform(train.numeric.numpy())
    scaler.fit(imputed[:, :2])
    learnt = fit(train, impute=impute, fill=-1.5, indicator=indicator)
    flagged = [("x", "y").index(name) for name in learnt.indicators]
    assert flagged == (list(imputer.indicator_.features_) if indicator else [])
    for split in (train, other):
        filled = imputer.transform(split.numeric.numpy())
        expected = np.concatenate([scaler.transform(filled[:, :2]), filled[:, 2:]], 1)
        np.testing.assert_allclose(learnt.apply(split).inputs["numeric"].numpy(), expected, rtol=1e-5, atol=1e-6)
    assert learnt.spec.inputs.numeric == ("x", "y", *(f"{name} is missing" for name in learnt.indicators))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), rare=st.integers(1, 6))
def test_one_hot_vectors_are_those_of_scikit_learn(seed, rare):
    """A missing value is a category of its own; unseen ones are zeros, and so are rare ones, which scikit-learn gives a
    last column of their own."""
    train, other = table(30, seed), table(20, seed + 100)
    names = np.array([*LEVELS["c"], "~missing"])
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=rare, sparse_output=False)
    encoder.fit(names[train.codes.numpy()])
    infrequent = encoder.infrequent_categories_[0] is not None
    learnt = fit(train, rare=rare)
    for split in (train, other):
        raw = learnt.apply(split)
        inputs, _ = preparation(learnt.spec, "cpu")((raw.inputs, raw.targets))
        assert inputs["categories"].dtype == torch.int64
        row = RowAsVector(learnt.spec.inputs.sizes)(**inputs)
        expected = encoder.transform(names[split.codes.numpy()])
        assert row.shape[1] == learnt.spec.inputs.width
        np.testing.assert_array_equal(row[:, 2:].numpy(), expected[:, : expected.shape[1] - infrequent])


def test_logarithms_are_taken_of_named_columns_or_of_skewed_ones():
    train = table(200, missing=0.0)
    train.numeric[:, 1] = torch.linspace(0, 1, 200)
    for log in (("x",), 1.0):
        learnt = fit(train, log=log)
        assert [number.log for number in learnt.numbers] == [True, False]
        expected = StandardScaler().fit_transform(np.log1p(train.numeric[:, :1].numpy()))
        np.testing.assert_allclose(learnt.apply(train).inputs["numeric"][:, :1].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_constant_column_and_one_without_values_are_zeros():
    train = table(50, missing=0.0)
    train.numeric[:, 0], train.numeric[:, 1] = 0.1, float("nan")
    inputs = fit(train).apply(train).inputs["numeric"]
    torch.testing.assert_close(inputs, torch.zeros(50, 2))


@pytest.mark.parametrize("power", [-1000, -600, 600, 1000])
@pytest.mark.parametrize("options", [{}, {"impute": "median"}, {"log": 1.0}])
def test_standardized_numbers_do_not_depend_on_the_unit(power, options):
    """A power of two, so that equal means equal to the last bit."""
    train, other = table(50), table(50)
    other.numeric[:] = torch.from_numpy(np.ldexp(train.numeric.numpy(), power))
    expected, found = fit(train, **options), fit(other, **options)
    assert [number.log for number in found.numbers] == [number.log for number in expected.numbers]
    if not any(number.log for number in expected.numbers):
        assert torch.equal(found.apply(other).inputs["numeric"], expected.apply(train).inputs["numeric"])


@pytest.mark.parametrize("normalize", [True, False])
def test_a_number_that_a_model_cannot_hold_is_refused_by_its_column(normalize):
    train, other = table(20, missing=0.0), table(5, 1, missing=0.0)
    other.numeric[3, 1] = -1e200
    learnt = fit(train, normalize=normalize)
    with pytest.raises(UserError, match=r"^column y: -1e\+200.* is beyond what a model's numbers hold"):
        learnt.apply(other)


def test_numbers_may_stay_as_they_are():
    train = table(20, missing=0.0)
    torch.testing.assert_close(fit(train, normalize=False).apply(train).inputs["numeric"], train.numeric.float())


@pytest.mark.parametrize("fold", range(3))
def test_what_is_fitted_never_sees_a_row_of_its_validation_or_test_part(fold):
    """Everything in these rows is changed, and what is learnt stays to the last bit; a training row changes it."""
    whole, test = table(60), table(20, 1)
    cuts = Cuts(folds=3, fold=fold)
    data = Data(SPEC, whole, test=test, fit=ColumnFit(SPEC, Format(), Roles("t"), rare=2, log=0.5))
    # Targets mark the rows: those of the training part are told by them.
    whole.targets[:, 0] = torch.arange(60.0) + 1
    made = cut(data, cuts)
    trained = made.train.targets[:, 0].long() - 1
    held = torch.tensor(sorted(set(range(60)) - set(trained.tolist())))
    before = made.fitted.state_dict(), made.spec
    changed = table(60)
    changed.numeric[held], changed.codes[held] = 1e9, 3
    changed.targets[:, 0] = torch.arange(60.0) + 1
    changed.targets[held] += 1e6
    other = Table(test.numeric * 100, test.codes, LEVELS, test.names, test.targets * 7)
    data = Data(SPEC, changed, test=other, fit=data.fit)
    after = cut(data, cuts)
    assert (after.fitted.state_dict(), after.spec) == before
    changed.numeric[trained[0], 0] = 1e9
    assert cut(data, cuts).fitted.state_dict() != before[0]


def test_what_is_fitted_survives_its_file_exactly():
    train = table(40)
    learnt = fit(train, impute="median", indicator=True, rare=3, log=1.0)
    again = columns(json.loads(json.dumps(learnt.state_dict())))
    assert again == learnt and again.spec == learnt.spec
    for name, values in learnt.apply(train).inputs.items():
        assert torch.equal(again.apply(train).inputs[name], values)


def test_a_category_that_only_the_test_part_has_is_no_category():
    train, test = table(30), table(5)
    train.codes[:] = 0
    test.codes[:] = torch.tensor([[0], [1], [2], [-1], [0]], dtype=torch.int32)
    assert fit(train).apply(test).inputs["categories"].tolist() == [[1], [0], [0], [0], [1]]
