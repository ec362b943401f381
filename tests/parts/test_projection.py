"""Pictures of a latent: the right cells, the right components, the same every time."""

import numpy as np
import pytest

from bench.parts.scoring import projection

N_CELLS = 60


def clusters(n_dimensions: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Three far clusters of equal size, and which cell is of which."""
    of = np.arange(N_CELLS) % 3
    centres = 20 * np.eye(3, n_dimensions)
    noise = np.random.default_rng(0).normal(size=(N_CELLS, n_dimensions))
    return centres[of] + noise, of


def test_components_keep_what_two_axes_can() -> None:
    latent, _ = clusters()
    found = projection.components(latent)
    values = np.linalg.eigvalsh(np.cov(latent.T))[::-1]
    np.testing.assert_allclose(found.var(0, ddof=1), values[:2])
    np.testing.assert_allclose(found[:, 0] @ found[:, 1], 0, atol=1e-8)
    # Turned over, the latent gives the same picture turned over or not, but never at random.
    np.testing.assert_allclose(projection.components(latent), found)
    assert (found[np.abs(found).argmax(0), [0, 1]] > 0).all()


def test_a_latent_of_one_dimension_has_one_component() -> None:
    values = np.array([0.0, 1.0, 2.0, 5.0, -18.0])
    found = projection.components(values[:, None])
    # Less their mean, which is -2; the largest is that of -18, and is turned.
    np.testing.assert_allclose(found, np.c_[-values - 2, np.zeros(5)])


def test_labelled_cells_come_first_and_the_rest_by_chance() -> None:
    labelled = np.arange(1000) % 10 == 0
    rows = projection.chosen(labelled, 300)
    assert len(rows) == len(set(rows)) == 300
    assert (np.diff(rows) > 0).all()
    assert set(np.flatnonzero(labelled)) <= set(rows)
    # Of 200 of 900 others some 100 lie in the first half: a tail of 1e-6 is 5 sd = 32 away.
    others = rows[~labelled[rows]]
    assert 68 <= (others < 500).sum() <= 132
    assert len(projection.chosen(labelled, 40)) == 40
    assert labelled[projection.chosen(labelled, 40)].all()
    np.testing.assert_array_equal(projection.chosen(labelled, 5000), np.arange(1000))


def test_a_row_says_what_was_told_and_what_was_found() -> None:
    known = np.array(["", "b", "", "a"])
    probability = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    names, true_type = np.array(["w", "x", "y", "z"]), np.array(["a", "b", "c", "a"])
    found = projection.projected(names, true_type, known, np.eye(4, 3), probability)
    assert found["predicted_type"].tolist() == ["a", "b", "b", "a"]
    assert found["true_type"].tolist() == true_type.tolist()
    assert found["labelled"].tolist() == [False, True, False, True]
    assert found["cell"].tolist() == names.tolist()
    np.testing.assert_allclose(found["probability"], [0.9, 0.8, 0.7, 0.6], rtol=1e-6)


@pytest.mark.parametrize("latent", [np.zeros((9, 2)), np.eye(4), np.zeros((1, 3))])
def test_where_there_are_no_neighbourhoods_components_are_shown(latent: np.ndarray) -> None:
    start = projection.components(latent)
    np.testing.assert_array_equal(projection.neighbourhoods(latent, start), start)


@pytest.mark.slow
def test_neighbourhoods_are_kept_and_the_same_every_time() -> None:
    latent, of = clusters()
    first, second = (
        projection.neighbourhoods(latent, projection.components(latent)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    apart = np.linalg.norm(first[:, None] - first[None], axis=-1) + np.diag([np.inf] * N_CELLS)
    assert (of[apart.argmin(1)] == of).all()
    # One dimension has one component: the start is another, and still no chance.
    line = np.linspace(0, 1, 30)[:, None]
    drawn = [projection.neighbourhoods(line, projection.components(line)) for _ in range(2)]
    assert np.isfinite(drawn[0]).all()
    np.testing.assert_array_equal(drawn[0], drawn[1])
