"""Truths: baselines of effects on data whose effects are known exactly."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.baselines.additive_effects import unit_effects
from bench.baselines.linear_effects import gene_components, ridge
from bench.baselines.nearest_perturbation import nearest
from bench.catalogue import card, metric
from bench.core.metric import NotApplicable
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.metrics._scoring import score_all
from bench.parts.perturbations.effect_predictions import dosage_table
from bench.parts.perturbations.effects import effect_targets

N_GENES = 12
GENES = np.array([f"g{j:02d}" for j in range(N_GENES)])


def problem_of(effects: dict[str, NDArray], held_out: dict[str, NDArray] | None = None) -> Problem:
    """Two training cells of every perturbation and of the control, whose mean is the very effect
    beyond the control's; cells that are held out of others.  Values: nothing is transformed."""
    rng, control = np.random.default_rng(0), np.linspace(1, 3, N_GENES)
    rows, names, roles = [], [], []
    parts = ((TRAIN, {"control": 0 * control, **effects}), (TEST, held_out or {}))
    for role, of in parts:
        for name, effect in {"control": 0 * control, **of}.items():
            noise = rng.normal(size=N_GENES)
            rows += [control + effect + noise, control + effect - noise]
            names += [name, name]
            roles += [role, role]
    role = np.array(roles, dtype=np.int8)
    return Problem(
        counts=csr_matrix(np.array(rows)),
        role=role,
        scored_rows=np.flatnonzero(role == TEST),
        labels={"perturbation": np.array(names)},
        measured="values",
        gene_names=GENES,
    )


def said(baseline: str, problem: Problem, asked: list[str], **config: float) -> NDArray:
    entry = card("baselines", baseline)
    fitted = entry.fit(problem, entry.config(**config), np.random.default_rng(0))
    return fitted.answer("perturbed")(np.array(asked))


def drawn(*names: str, seed: int = 1) -> dict[str, NDArray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=N_GENES) for name in names}


def test_the_mean_effect_counts_perturbations_and_not_cells() -> None:
    effects = drawn("A", "B", "A+C")
    found = said("mean_effect", problem_of(effects), ["A+B", "nobody"])
    mean = np.mean(list(effects.values()), axis=0)
    np.testing.assert_allclose(found, [mean, mean], atol=1e-12)


def test_no_effect_is_zero() -> None:
    assert not said("no_effect", problem_of(drawn("A")), ["A", "B"]).any()


def test_additive_effects_are_exact_where_effects_add_up() -> None:
    """C and D were never given alone: C is left over when A is taken off, D when B is."""
    u = drawn("A", "B", "C", "D")
    trained = {"A": u["A"], "B": u["B"], "A+C": u["A"] + u["C"], "B+D": u["B"] + u["D"]}
    problem = problem_of(trained | {"C@2+D": 2 * u["C"] + u["D"]})
    wanted = {
        "A+B": u["A"] + u["B"],
        "C+D": u["C"] + u["D"],
        "A@0.5+D@3": 0.5 * u["A"] + 3 * u["D"],
        "C": u["C"],
        "A+nobody": u["A"],
        "nobody": 0 * u["A"],
    }
    found = said("additive_effects", problem, list(wanted))
    np.testing.assert_allclose(found, list(wanted.values()), atol=1e-10)


def test_an_additive_effect_alone_is_not_moved_by_combinations() -> None:
    """The combinations of A are anything but additive; A is what it does alone all the same."""
    effects = drawn("A", "B", "A+B", "A+C")
    found = said("additive_effects", problem_of(effects), ["A", "A+B"])
    np.testing.assert_allclose(found, [effects["A"], effects["A"] + effects["B"]], atol=1e-12)


def test_the_effect_of_a_dosage_is_least_squares_through_zero() -> None:
    effects = drawn("A", "A@2", "A@0.5")
    dosage = np.array([1, 2, 0.5])
    slope = dosage @ np.array(list(effects.values())) / (dosage @ dosage)
    found = said("additive_effects", problem_of(effects), ["A", "A@3"])
    np.testing.assert_allclose(found, [slope, 3 * slope], atol=1e-12)


def test_treatments_only_ever_given_together_share_alike() -> None:
    effects = drawn("A+B")
    found = said("additive_effects", problem_of(effects), ["A", "B", "A+B"])
    half = effects["A+B"] / 2
    np.testing.assert_allclose(found, [half, half, 2 * half], atol=1e-12)


def test_nothing_but_combinations_is_enough_for_unit_effects() -> None:
    rng = np.random.default_rng(3)
    units, dosage = (
        rng.normal(size=(4, 5)),
        np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 2, 1]]),
    )
    np.testing.assert_allclose(unit_effects(dosage.astype(float), dosage @ units), units)


def test_the_nearest_perturbation_shares_the_most_treatments_and_ties_are_averaged() -> None:
    trained = np.array(["A", "A+B", "A+B+C", "A@0.5", "D"])
    weights = {
        "A": [1, 0, 0, 0, 0],
        "A+B": [0, 1, 0, 0, 0],
        "A@0.6": [0, 0, 0, 1, 0],
        "A+D": [0.5, 0, 0, 0, 0.5],
        "B+C": [0, 0, 1, 0, 0],
        "A+B+D": [0, 1, 0, 0, 0],
        "A@0.75": [0.5, 0, 0, 0.5, 0],
        "E": [0.2] * 5,
    }
    found = nearest(np.array(list(weights)), trained)
    np.testing.assert_allclose(found, list(weights.values()), atol=1e-12)


def test_the_nearest_of_two_that_were_given_alone_is_the_matching_mean() -> None:
    effects = drawn("A", "B", "C")
    found = said("nearest_perturbation", problem_of(effects), ["A+B", "C"])
    np.testing.assert_allclose(found, [(effects["A"] + effects["B"]) / 2, effects["C"]], atol=1e-12)


def test_the_linear_map_is_the_ridge_solution_of_the_outer_product() -> None:
    """Y ~ D W G' as one regression of all entries on all products of coordinates, each side
    penalised on its own: minimise nothing else than what the two normal equations say."""
    rng = np.random.default_rng(4)
    places, genes, effect = rng.normal(size=(9, 3)), rng.normal(size=(12, 2)), np.zeros((9, 12))
    effect += rng.normal(size=effect.shape)
    weights = ridge(genes, ridge(places, effect, 0.1).T, 0.1).T
    products = np.kron(places.T @ places + 0.1 * np.eye(3), genes.T @ genes + 0.1 * np.eye(2))
    right = (places.T @ effect @ genes).ravel()
    np.testing.assert_allclose(weights.ravel(), np.linalg.solve(products, right), rtol=1e-9)


def test_gene_components_are_scores_of_genes() -> None:
    """With all components, distances between genes over conditions are kept."""
    expression = np.random.default_rng(5).normal(size=(4, N_GENES))
    genes = gene_components(expression, 10)
    centred = expression.T - expression.T.mean(0)
    np.testing.assert_allclose(genes @ genes.T, centred @ centred.T, atol=1e-10)
    assert gene_components(expression, 2).shape == (N_GENES, 2)


def linear_world() -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """Effect of gene t on gene j = a s_t s_j, s the control's expression, centred.  The genes in
    the middle are trained on, so that their mean effect is zero; the outer ones are unseen."""
    score = np.linspace(1, 3, N_GENES) - 2
    effects = {name: 0.4 * score[t] * score for t, name in enumerate(GENES.tolist())}
    names = list(effects)
    unseen = [*names[:2], *names[-2:]]
    trained = {name: effects[name] for name in names if name not in unseen}
    return trained, {name: effects[name] for name in unseen}


def test_a_gene_never_perturbed_borrows_from_genes_of_similar_expression() -> None:
    trained, unseen = linear_world()
    problem, names = problem_of(trained), list(unseen)
    wanted = np.array(list(unseen.values()))
    found = said("linear_effects", problem, names, n_components=1, ridge=1e-9)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    penalised = said("linear_effects", problem, names)
    assert ((penalised - wanted) ** 2).sum() < (wanted**2).sum() / 10


def test_other_treatments_have_places_of_their_own() -> None:
    """With all components and hardly a penalty they are reproduced up to what is constant over
    genes, which components of genes leave out; a combination is their sum beyond the mean; and an
    unseen one stands nowhere."""
    effects = {name: e - e.mean() for name, e in drawn("drug_a", "drug_b", "drug_c").items()}
    problem = problem_of(effects)
    asked = ["drug_a", "drug_b", "drug_a+drug_b", "drug_a@0.5", "drug_z"]
    found = said("linear_effects", problem, asked, ridge=1e-9)
    mean = np.mean(list(effects.values()), axis=0)
    a, b = effects["drug_a"], effects["drug_b"]
    wanted = [a, b, a + b - mean, mean + (a - mean) / 2, mean]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_hard_penalty_leaves_the_mean_effect() -> None:
    problem = problem_of(drawn("g01", "g05", "drug"))
    found = said("linear_effects", problem, ["g02", "drug"], ridge=1e12)
    np.testing.assert_allclose(found, said("mean_effect", problem, ["g02", "drug"]), atol=1e-9)


def test_linear_effects_do_without_names_of_genes() -> None:
    effects = drawn("g01", "g05")
    nameless = replace(problem_of(effects), gene_names=np.zeros(0, dtype=str))
    mean = np.mean(list(effects.values()), axis=0)
    np.testing.assert_allclose(said("linear_effects", nameless, ["g02"])[0], mean, atol=1e-12)


def test_a_table_of_dosages_passes_other_treatments_over() -> None:
    table = dosage_table(np.array(["A@2+B", "control", "C"]), ("A", "B"))
    np.testing.assert_array_equal(table, [[2, 1], [0, 0], [0, 0]])
    assert dosage_table(np.array(["A"]), ()).shape == (1, 0)


@pytest.mark.parametrize("name", ["split_half", "oracle_effects"])
def test_a_ceiling_says_which_effects_it_does_not_know(name: str) -> None:
    of = drawn("A", "B")
    truth = {f"{kind}_effect": np.array([of["A"], of["B"]]) for kind in ("true", "duplicate")}
    problem = replace(problem_of({"C": of["A"]}, of), truth=truth)
    np.testing.assert_array_equal(said(name, problem, ["B", "A"]), [of["B"], of["A"]])
    with pytest.raises(ValueError, match="not C, D"):
        said(name, problem, ["D", "A", "C"])


def simulated(rng: np.random.Generator) -> Problem:
    """Twelve treatments and combinations of them, additive but for the noise of single cells; all
    combinations held out, all treatments trained on alone; a duplicate of every scored cell."""
    genes, n_treatments, n_cells = 40, 12, 30
    shared = rng.normal(size=genes)
    units = {f"t{k:02d}": shared + rng.normal(size=genes) for k in range(n_treatments)}
    pairs = {
        f"t{k:02d}+t{k + 1:02d}": units[f"t{k:02d}"] + units[f"t{k + 1:02d}"] for k in range(11)
    }
    parts = [(TRAIN, units), (TEST, pairs), (VALIDATION, pairs)]
    named = [
        (role, name, effect)
        for role, of in parts
        for name, effect in {"control": np.zeros(genes), **of}.items()
        for _ in range(n_cells)
    ]
    role = np.array([one[0] for one in named], dtype=np.int8)
    values = csr_matrix(np.array([one[2] for one in named]) + rng.normal(size=(len(named), genes)))
    perturbation = np.array([one[1] for one in named])
    train, test, other = (np.flatnonzero(role == r) for r in (TRAIN, TEST, VALIDATION))
    answers, duplicate = (
        effect_targets(values, perturbation, train, rows, "values", rows) for rows in (test, other)
    )
    truth = {
        "duplicate_effect": duplicate["data_effect"],
        "true_effect": np.array([pairs[name] for name in sorted(pairs)]),
    }
    targets = np.zeros((len(pairs), genes), dtype=bool)
    return Problem(
        counts=values,
        role=role,
        scored_rows=test,
        labels={"perturbation": perturbation},
        targets=answers | {"target_gene": targets},
        truth=truth,
        measured="values",
    )


def scores_of(baseline: str, problem: Problem, *metrics: str) -> dict[str, float]:
    entry, readout = card("baselines", baseline), card("readouts", "effects")
    fitted = entry.fit(problem, entry.config(), np.random.default_rng(0))
    arrays = readout.of_baseline(fitted, problem, readout.config())
    good, bad = score_all({name: metric(name) for name in metrics}, arrays, problem)
    assert {row["status"] for row in bad} <= {"not_applicable"}
    return {row["metric"]: row["value"] for row in good}


def test_baselines_stand_in_their_order_where_effects_add_up() -> None:
    """True effects and additive ones beat other cells, which beat the rest; all beat no effect.

    Chance: the mean of 30 cells of variance 1 misses by a root mean square of sqrt(2 / 30) = 0.26
    on either side, the matching mean by half of an effect of variance 4: far beyond any error."""
    problem, rmse = simulated(np.random.default_rng(6)), "effect_rmse"
    order = ("oracle_effects", "additive_effects", "nearest_perturbation", "no_effect")
    errors = [scores_of(name, problem, rmse)[rmse] for name in order]
    assert np.all(np.diff(errors) > 0)
    other = scores_of("split_half", problem, rmse)[rmse]
    assert errors[0] < other < errors[2]
    assert scores_of("mean_effect", problem, rmse)[rmse] < errors[3]


def test_the_mean_effect_scores_nothing_beyond_itself() -> None:
    """From the baseline through the readout, in single precision: exactly zero, not rounding."""
    problem = simulated(np.random.default_rng(7))
    found = scores_of(
        "mean_effect",
        problem,
        *("effect_pearson", "effect_pearson.centroid", "effect_rank.rmse", "effect_rank.cosine"),
        *("effect_mode_collapse", "effect_discrimination"),
    )
    assert found.pop("effect_pearson") > 0.3
    assert found == {
        "effect_pearson.centroid": 0,
        "effect_rank.rmse": 0.5,
        "effect_rank.cosine": 0.5,
        "effect_mode_collapse": 0,
        "effect_discrimination": pytest.approx(0.5, abs=1e-12),
    }


def test_a_single_perturbation_has_neither_ranks_nor_spread() -> None:
    """Metrics that compare perturbations give no row; the others do, and none fails."""
    one = drawn("A")
    problem = problem_of(one, one)
    train, test = problem.rows(TRAIN), problem.rows(TEST)
    answers = effect_targets(
        problem.counts, problem.labels["perturbation"], train, test, "values", test
    )
    problem = replace(problem, targets=answers | {"target_gene": np.zeros((1, N_GENES), bool)})
    comparing = (
        *("effect_rank.rmse", "effect_rank.cosine", "effect_discrimination"),
        *("effect_pearson.spread", "effect_pearson.top20_spread", "effect_mode_collapse"),
        *("effect_r2.spread", "effect_r2.top20_spread", "effect_pearson.centroid"),
    )
    alone = ("effect_pearson", "effect_r2", "effect_rmse", "effect_e_distance", "effect_mmd")
    found = scores_of("nearest_perturbation", problem, *comparing, *alone)
    assert set(found) == set(alone)
    with pytest.raises(NotApplicable):
        metric("effect_rank.rmse").value(
            {"effect": answers["data_effect"], "data_effect": answers["data_effect"]}
        )
