"""A bilinear map from the gene embedding of a treatment to its effect on every gene.

    E ~ D W G' + b           b: mean training effect, so that W = 0 is the baseline ``mean_effect``
    W = (D'D + r I)^-1 D' (E - b) G (G'G + r I)^-1

E are the (perturbation, gene) training effects; G is the embedding of the genes, the first
components of their mean expression in the control and under every training perturbation; D is the
embedding of the perturbations:

    a treatment with the name of a gene    the row of this gene in G, also without training cells
    any other treatment                    its own coordinate; zero without training cells
    a combination                          the sum of its treatments, each times its dosage

So the prediction for an unseen gene uses perturbed genes with similar expression, which the source
found to be a strong baseline; other unseen treatments get the mean effect.  The map contains no
non-linear effects, and with ten components only a small part of the specific effect of a treatment.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from scipy.sparse import csr_matrix

from bench.core.baseline import Baseline, FittedBaseline
from bench.core.dataset import CONTROL
from bench.core.problem import TRAIN, Problem
from bench.parts.perturbations.effect_predictions import (
    Floats,
    Names,
    treatments_in,
)
from bench.parts.perturbations.effects import mean_expression, training_effects
from bench.parts.perturbations.treatments import treatments_of


@dataclass(frozen=True, kw_only=True)
class LinearEffectsConfig:
    """Dimension of the gene embedding, and penalty of the map."""

    n_components: Annotated[int, Ge(1)] = 10
    """Dimension of the gene embedding."""
    ridge: Annotated[float, Gt(0)] = 0.1
    """Penalty r on both sides of the map."""


class Positions:
    """Embeddings of perturbations, (perturbation, coordinate)."""

    def __init__(self, gene_names: Names, genes: Floats, trained: Names) -> None:
        named = dict(zip(gene_names.tolist(), genes, strict=False))
        others = [t for t in treatments_in(trained) if t not in named]
        own = np.eye(len(others))
        self.n_coordinates = genes.shape[1] + len(others)
        self._of = {t: np.append(row, np.zeros(len(others))) for t, row in named.items()}
        for treatment, row in zip(others, own, strict=True):
            self._of[treatment] = np.append(np.zeros(genes.shape[1]), row)

    def __call__(self, perturbations: Names) -> Floats:
        positions = np.zeros((len(perturbations), self.n_coordinates))
        for position, name in zip(positions, perturbations.tolist(), strict=True):
            for treatment, dosage in treatments_of(name).items():
                position += dosage * self._of.get(treatment, 0.0)
        return positions


def fit(problem: Problem, config: LinearEffectsConfig, rng: np.random.Generator) -> FittedBaseline:
    names, effect = training_effects(problem)
    control = control_mean(problem)
    genes = gene_components(np.vstack([control, control + effect]), config.n_components)
    positions, mean = Positions(problem.gene_names, genes, names), effect.mean(0)
    by_coordinate = ridge(positions(names), effect - mean, config.ridge)
    weights = ridge(genes, by_coordinate.T, config.ridge).T
    return FittedBaseline(
        functions={"perturbed": lambda asked: positions(asked) @ weights @ genes.T + mean},
        n_parameters=weights.size + genes.size + mean.size,
    )


def control_mean(problem: Problem) -> Floats:
    """(1, gene) mean expression of the training controls."""
    rows = problem.rows(TRAIN)
    controls = rows[problem.labels["perturbation"][rows] == CONTROL]
    everyone = csr_matrix(np.ones((1, len(controls))))
    return mean_expression(problem.counts[controls], everyone, problem.measured)


def gene_components(expression: Floats, n_components: int) -> Floats:
    """(gene, component) scores of the genes of (condition, gene) mean expression."""
    centred = expression.T - expression.mean(1)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray((left * size)[:, :n_components])


def ridge(known: Floats, wanted: Floats, penalty: float) -> Floats:
    """(X'X + r I)^-1 X'Y."""
    gram = known.T @ known + penalty * np.eye(known.shape[1])
    return np.asarray(np.linalg.solve(gram, known.T @ wanted))


BASELINE = Baseline(
    label="linear effects",
    config=LinearEffectsConfig,
    fit=fit,
    needs=frozenset({"perturbation"}),
    can=frozenset({"perturbed"}),
    deterministic=True,
    role="competitor",
    embeds_by_gene=True,
    reference="Ahlmann-Eltze et al. 2025, doi:10.1038/s41592-025-02772-6",
)
