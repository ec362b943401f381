"""A description of a dataset agrees with what its loader gives."""

from typing import Any

import pytest

from bench.catalogue import card, names

SMALL: dict[str, dict[str, Any]] = {
    "gamma_poisson": {"n_cells": 30, "n_genes": 7},
    "batched_gamma_poisson": {"n_cells": 60, "n_genes": 9},
    "sams_simulation": {"n_treatments": 3, "n_cells": 5, "n_controls": 4, "n_genes": 6},
    "svae_simulation": {
        **{"n_treatments": 4, "n_cells": 5, "n_controls": 4, "n_genes": 6},
        "n_combinations": 2,
    },
}
OFFLINE = [name for name in names("data") if not card("data", name).sources and name != "h5ad"]


@pytest.mark.parametrize("name", OFFLINE)
def test_sizes_are_those_of_the_data(name: str) -> None:
    dataset = card("data", name)
    config = dataset.config(**SMALL.get(name, {}))
    described, data = dataset.describe(config), dataset.load(config, {})
    assert (described.n_cells, described.n_genes) == data.counts.shape


@pytest.mark.parametrize("name", names("data"))
def test_every_dataset_without_a_file_of_the_user_has_a_size(name: str) -> None:
    dataset = card("data", name)
    assert name == "h5ad" or dataset.describe(dataset.config()).n_cells > 0
