"""scVI: counts of a cell given its latent, its batch and its library size.

    z_i ~ Normal(0, I)            l_i = log of the observed library size, or
                                  l_i ~ Normal(m_b, v_b), moments of the batch's log libraries
    rho_i = softmax f(z_i, s_i)   x_ij ~ ZINB(exp(l_i) rho_ij, theta_j, pi(z_i, s_i)_j)
    q(z_i | x_i), q(l_i | x_i)    Gaussian, from log(1 + x_i)

theta by gene, by gene and batch, by gene and cell type, or decoded for each cell; the likelihood may
be NB or Poisson.  The published network, literally: BatchNorm with momentum .01 and eps 1e-3 in both
nets, dropout in the encoder, covariates in every decoder layer.  Only the KL of z warms up.
Entries may be missing: zero to the encoder, absent from the likelihood.  With the observed library
the bound is conditional on it: not to be compared with models that explain it.
Source: Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; scvi-tools 1.4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from bench.core.ledger import LossTerms
from bench.core.variant import DataFacts, Minibatch, Noise, Variant
from bench.parts.distributions import Gaussian
from bench.parts.latents import at_draw
from bench.parts.scvi_likelihood import CountDistribution, ScviLikelihood
from bench.parts.scvi_networks import LibraryEncoder, ScviEncoder, covariates_of, library_ledger
from bench.parts.visible import seen_counts
