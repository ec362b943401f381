"""The training settings: keys of ``training:`` and of every run of a study."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

FULL_BATCH = 0

FEWEST_CELLS = 3
"""Minimum number of cells of a step; fewer are too few for batch statistics, and an epoch omits a
last minibatch of fewer cells."""


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Defaults suit a few thousand cells on a laptop; every key can be swept."""

    max_epochs: Annotated[int, Ge(1)] = 400
    """Maximum number of passes over the training cells."""
    batch_size: Annotated[int, Ge(0)] = 128
    """Cells per step; 0 uses all cells in every step."""
    labelled_share: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Fraction of labelled cells in every minibatch; the bound weights labelled and unlabelled
    cells by their fractions of the data. 0 ignores labels when it forms minibatches."""
    pretrain_epochs: Annotated[int, Ge(0)] = 0
    """Epochs of the variant's pre-training, with the same settings, before the main training; the
    KL warm-up then starts again."""
    restart_epochs: Annotated[int, Ge(0)] = 0
    """Interval in epochs at which a variant that supports it transforms its weights (SAMS-VAE and
    SVAE+ rotate their latents) and continues with a new optimiser; 0 disables this."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    adam_epsilon: Annotated[float, Gt(0)] = 1e-8
    """Adam's epsilon, added to the root of the second moment (scVI: 0.01)."""
    weight_decay: Annotated[float, Ge(0)] = 1e-3
    """Weight decay of the optimiser (L2 penalty) on all parameters."""
    lr_decay: Annotated[float, Gt(0), Le(1)] = 1.0
    """Factor on the learning rate every ``lr_decay_epochs`` epochs; 1 disables the decay."""
    lr_decay_epochs: Annotated[int, Ge(1)] = 100
    objective: Literal["elbo", "iwae"] = "elbo"
    """The objective: the mean over samples, or the importance-weighted bound over samples."""
    n_samples: Annotated[int, Ge(1)] = 1
    """Samples of the latent per cell and step."""
    kl_weight: Annotated[float, Gt(0)] = 1.0
    """Weight of the KL terms in training: 1 trains the bound, other values a beta-VAE. Reported
    bounds always use weight 1."""
    kl_warmup_steps: Annotated[int, Ge(0)] = 0
    """Steps over which the weight of the KL terms grows linearly from 0 to ``kl_weight``."""
    patience: Annotated[int, Ge(0)] = 60
    """Epochs without a better validation bound before a replicate stops and restores its best
    weights; 0 trains all epochs and keeps the last weights."""
    gradient_clip: Annotated[float, Ge(0)] = 0.0
    """Maximum gradient norm of one replicate; 0 disables clipping."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """Arithmetic of matrix products; reduced precision only on request."""

    def __post_init__(self) -> None:
        if 0 < self.batch_size < FEWEST_CELLS:
            why = f"a step takes {FEWEST_CELLS} cells at least; batch_size is {self.batch_size}"
            raise ValueError(why)
