"""The gradient of two processes is that of one, for every task, however ragged their parts of a batch are."""

import pytest
import work

NAMES = ("classification", "regression", "language_model", "labelling", "segmentation", "translation")


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_make_the_whole_batchs_gradient(pair, name, accumulate):
    for seed in range(4):
        examples = 6 + seed
        for far, norm in pair.run(work.in_group, work.ragged_gradient, name, examples, seed, accumulate):
            assert far <= 1e-6 and norm > 0
