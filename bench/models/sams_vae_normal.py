"""SAMS-VAE for real values, as in the simulation of its authors.

    m_tk ~ Bernoulli(alpha)   e_tk ~ Normal(0, sigma)   b_i ~ Normal(0, I)
    z_i = b_i + sum_t D_it (e_t o m_t)
    x_ij ~ Normal(f(z_i)_j, s_j), s shared by all cells or decoded
    q(b_i | x_i, D_i, e, m) = Normal(g(x_i, sum_t D_it (e_t o m_t))), or of x_i alone

Posteriors of m and e: ``bench.parts.nn.treatment_posteriors``; their loss terms:
``parts.nn.sparse_treatments``.  Readouts of single cells without noise use the globals at their
most probable values.  After ``pretrain_epochs`` without ``mask_weight``, and again every
``restart_epochs``, the latents are rotated into the basis in which treatments shift the fewest:
``bench.parts.nn.sparse_rotation``.  Source: Bereket and Karaletsos 2023, arXiv 2311.02794.
"""

from dataclasses import dataclass, replace

from torch import Tensor, nn

from bench.core.variant import DataFacts, Minibatch, Variant
from bench.parts.nn.gaussian_values import NormalValues, ValueDecoder, ValueInput, ValueLaw
from bench.parts.nn.sparse_model import SparseModel
from bench.parts.nn.sparse_treatments import (
    SparseHyperparameters,
    only_mean_field_rotates,
    rotated_treatments,
)


@dataclass(frozen=True, kw_only=True)
class SAMSVAENormalConfig(SparseHyperparameters):
    """Hyperparameters of SAMS-VAE for real values."""

    likelihood: ValueLaw = "normal_fixed_variance"


class ValueObservation(nn.Module):
    """Real values with a normal distribution around the decoded mean."""

    def __init__(self, facts: DataFacts, config: SAMSVAENormalConfig) -> None:
        super().__init__()
        sizes = (config.n_latent, config.n_hidden, config.n_layers)
        self.input = ValueInput(facts)
        self.decoder = ValueDecoder(*sizes, facts.n_genes, config.likelihood)

    def look(self, cells: Minibatch) -> Tensor:
        return self.input(cells)

    def law(self, z: Tensor, cells: Minibatch) -> NormalValues:
        return self.decoder(z)


def build(facts: DataFacts, config: SAMSVAENormalConfig) -> SparseModel:
    """The sparse model for real values."""
    return SparseModel(facts, config, lambda: ValueObservation(facts, config))


def pretrained(facts: DataFacts, config: SAMSVAENormalConfig) -> SparseModel:
    """The model for pre-training, with mask weight 1 as published."""
    return build(facts, replace(config, mask_weight=1.0, mask_weight_per_cell=0.0))


VARIANT = Variant(
    label="SAMS-VAE of real numbers",
    needs=frozenset({"values", "observed", "perturbation"}),
    can=frozenset({"bound", "latent", "perturbed", "treatments"}),
    config=SAMSVAENormalConfig,
    build=build,
    pretrain=pretrained,
    from_pretrained=lambda pretrained, initial: rotated_treatments(pretrained),
    reinitialise=rotated_treatments,
    validate=only_mean_field_rotates,
    training={"batch_size": 512, "learning_rate": 1e-3, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
