"""scVI: counts of a cell given latent, batch and library size.

    z_i ~ Normal(0, I)            l_i = log of the observed library size, or
                                  l_i ~ Normal(m_b, v_b), moments of the batch's log libraries
    rho_i = softmax f(z_i, s_i)   x_ij ~ ZINB(exp(l_i) rho_ij, theta, pi(z_i, s_i)_j)
    q(z_i | x_i), q(l_i | x_i)    Gaussian, from log(1 + x_i)

The published network: BatchNorm with momentum .01 and eps 1e-3 in both networks, dropout in the
encoder, covariates in every decoder layer; only the KL of z warms up.  Missing entries are zero in
the encoder input and excluded from the likelihood.  With the observed library size the bound is
conditional on it and cannot be compared with bounds of models of the library size.
Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools 1.4.
"""

from dataclasses import dataclass

from bench.core.variant import Variant
from bench.parts.nn.scvi import ScviHyperparameters
from bench.parts.nn.scvi_model import ScviModel


@dataclass(frozen=True, kw_only=True)
class SCVIConfig(ScviHyperparameters):
    """Hyperparameters of scVI, with scvi-tools' defaults."""


VARIANT = Variant(
    label="scVI",
    needs=frozenset({"counts", "observed"}),
    uses=frozenset({"batch", "cell_type"}),
    can=frozenset({"bound", "counts", "latent"}),
    config=SCVIConfig,
    build=ScviModel,
    training={"adam_epsilon": 0.01, "weight_decay": 1e-6},
    reference="Lopez et al. 2018, Nature Methods 15, doi:10.1038/s41592-018-0229-2",
)
