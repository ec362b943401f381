"""SAMS-VAE: the latent of a cell is a basal state plus a sparse shift for each of its treatments.

    m_tk ~ Bernoulli(alpha)   e_tk ~ Normal(0, sigma)   b_i ~ Normal(0, I)
    z_i = b_i + sum_t D_it (e_t o m_t)
    x_i ~ NB(l_i softmax(f(z_i)) + 1e-4, theta)
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
from bench.parts.nn.count_networks import EncoderInput
from bench.parts.nn.distributions import NegativeBinomial, Poisson
from bench.parts.nn.observed import library_size
from bench.parts.nn.perturbation_networks import CountLaw, ShareDecoder
from bench.parts.nn.sparse_model import SparseModel
from bench.parts.nn.sparse_treatments import (
    SparseHyperparameters,
    only_mean_field_rotates,
    rotated_treatments,
)


@dataclass(frozen=True, kw_only=True)
class SAMSVAEConfig(SparseHyperparameters):
    """Hyperparameters of SAMS-VAE."""

    likelihood: CountLaw = "nb"


class CountObservation(nn.Module):
    """Negative binomial counts with means that are shares of the library size."""

    def __init__(self, facts: DataFacts, config: SAMSVAEConfig) -> None:
        super().__init__()
        sizes = (config.n_latent, config.n_hidden, config.n_layers)
        self.input = EncoderInput(facts, "log1p", standardize=True)
        self.decoder = ShareDecoder(*sizes, facts, config.likelihood)

    def look(self, cells: Minibatch) -> Tensor:
        return self.input(cells)

    def law(self, z: Tensor, cells: Minibatch) -> NegativeBinomial | Poisson:
        # Cells for counterfactual predictions have their own field for the library size.
        library = cells["library"] if "library" in cells else library_size(cells)
        return self.decoder(z, library)


def build(facts: DataFacts, config: SAMSVAEConfig) -> SparseModel:
    """The sparse model of counts."""
    return SparseModel(facts, config, lambda: CountObservation(facts, config))


def pretrained(facts: DataFacts, config: SAMSVAEConfig) -> SparseModel:
    """The model for pre-training, with mask weight 1 as published."""
    return build(facts, replace(config, mask_weight=1.0, mask_weight_per_cell=0.0))


VARIANT = Variant(
    label="SAMS-VAE",
    needs=frozenset({"counts", "observed", "perturbation"}),
    can=frozenset({"bound", "counts", "latent", "perturbed", "treatments"}),
    config=SAMSVAEConfig,
    build=build,
    pretrain=pretrained,
    from_pretrained=lambda pretrained, initial: rotated_treatments(pretrained),
    reinitialise=rotated_treatments,
    validate=only_mean_field_rotates,
    training={"batch_size": 512, "learning_rate": 3e-4, "weight_decay": 1e-6, "n_samples": 5},
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
