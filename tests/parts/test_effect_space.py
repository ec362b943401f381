"""The space for distributions of cells is the same for few and for many genes."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.spatial.distance import pdist

from bench.parts.perturbations import effects


def test_iterative_and_exact_components_give_the_same_distances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    factors = rng.gamma(1.0, 1.0, (200, 5)) @ rng.gamma(1.0, 1.0, (5, 80))
    counts, rows = csr_matrix(rng.poisson(factors)), np.arange(200)
    exact = effects.Space(counts, rows, "counts")
    monkeypatch.setattr(effects, "MOST_GENES", 79)
    iterative = effects.Space(counts, rows, "counts")
    cells = effects.expression(counts, "counts")
    one, other = (pdist(space.project(cells)) for space in (exact, iterative))
    np.testing.assert_allclose(one, other, rtol=1e-4)
    again = effects.Space(counts, rows, "counts").project(cells)
    np.testing.assert_array_equal(again, iterative.project(cells))
