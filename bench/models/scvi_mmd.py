"""scVI with a penalty on the MMD between batches in the latent.

    loss = - ELBO of scVI + beta sum over pairs of batches (b, b') MMD^2(Z_b, Z_b')

Z_b are the sampled latents of the cells of batch b in the minibatch.  Estimators: ``normal``
(biased, Gretton equation 5, as published), ``unbiased``, ``fast`` (Lemma 14).  Pairs:
``sequential`` (each batch and the next one present, as published), ``all``, ``pooled`` (each batch
and all others together).  Batches with fewer than two cells in the minibatch are excluded.  The
penalty is not part of the ELBO; beta = 0 equals scVI to the bit.
Source: a pull request to scvi-tools of May 2021; Gretton et al. 2012, JMLR 13:723.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.mmd import membership, mmd_of_batches
from bench.parts.nn.scvi import Counts, ScviHyperparameters
from bench.parts.nn.scvi_model import ScviModel


@dataclass(frozen=True, kw_only=True)
class SCVIMMDConfig(ScviHyperparameters):
    """Hyperparameters of scVI with an MMD penalty."""

    mmd_weight: Annotated[float, Ge(0)] = 1.0
    """beta."""
    mmd_estimator: Literal["normal", "unbiased", "fast"] = "normal"
    mmd_pairs: Literal["sequential", "all", "pooled"] = "sequential"
    mmd_bandwidth: Annotated[float, Gt(0)] = 1.0
    """s of the kernel exp(-distance^2 / s)."""
    mmd_n_bandwidths: Annotated[int, Ge(1)] = 1
    """Number of bandwidths in the kernel's sum, each four times the one before."""


class SCVIMMD(nn.Module):
    """Maps (cell, gene) counts to a ledger in nats per cell, for one replicate and one draw."""

    def __init__(self, facts: DataFacts, config: SCVIMMDConfig) -> None:
        super().__init__()
        self.config, self.n_batches = config, facts.n_batches
        self.scvi = ScviModel(facts, config)

    def noise(self, n_cells: int) -> dict[str, Noise]:
        return self.scvi.noise(n_cells)

    def infer(self, cells: Minibatch) -> dict[str, Gaussian]:
        return self.scvi.infer(cells)

    def generate(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Counts:
        return self.scvi.generate(latents, cells)

    def forward(self, cells: Minibatch, noise: Mapping[str, Tensor]) -> LossTerms:
        latents, terms = self.scvi.at_noise(cells, noise)
        return terms._replace(penalty={"mmd": self.config.mmd_weight * self._mmd(latents, cells)})

    def _mmd(self, latents: Mapping[str, Tensor], cells: Minibatch) -> Tensor:
        """() sum over the pairs of batches of the minibatch."""
        estimator, pairs = self.config.mmd_estimator, self.config.mmd_pairs
        widths = [self.config.mmd_bandwidth * 4**k for k in range(self.config.mmd_n_bandwidths)]
        bandwidths = latents["z"].new_tensor(widths)
        member = membership(cells["batch"], self.n_batches)
        return mmd_of_batches(latents["z"], member, bandwidths, estimator, pairs)


VARIANT = Variant(
    label="scVI + MMD",
    needs=frozenset({"counts", "observed", "batch"}),
    uses=frozenset({"cell_type"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=SCVIMMDConfig,
    build=SCVIMMD,
    training={"adam_epsilon": 0.01, "weight_decay": 1e-6},
    reference="Gretton et al. 2012, JMLR 13:723; scVI of Lopez et al. 2018",
)
