"""How a run is trained: the keys that ``training:`` and every run of a study may set."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

FULL_BATCH = 0


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Defaults suit a few thousand cells on a laptop; every key can be swept."""

    max_epochs: Annotated[int, Ge(1)] = 400
    """Passes over the training cells at most."""
    batch_size: Annotated[int, Ge(0)] = 128
    """Cells per step; 0 takes all of them at once."""
    labelled_share: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of a minibatch that is labelled cells, drawn again and again; the bound still counts
    every cell as often as it is in the data. 0 takes cells as they come."""
    pretrain_epochs: Annotated[int, Ge(0)] = 0
    """Passes of a variant's pre-training, with the same settings, before its own; the KL warm-up
    starts anew after it."""
    restart_epochs: Annotated[int, Ge(0)] = 0
    """Epochs after which a variant that can starts anew from a better form of what it has come to
    (SAMS-VAE and SVAE+ rotate their latents), with a fresh optimiser; 0 never does."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    adam_epsilon: Annotated[float, Gt(0)] = 1e-8
    """What Adam adds to the root of its second moment (scVI: 0.01)."""
    weight_decay: Annotated[float, Ge(0)] = 1e-3
    """L2 penalty on all parameters, as the optimiser applies it."""
    lr_decay: Annotated[float, Gt(0), Le(1)] = 1.0
    """Factor on the learning rate every ``lr_decay_epochs``; 1 keeps it."""
    lr_decay_epochs: Annotated[int, Ge(1)] = 100
    objective: Literal["elbo", "iwae"] = "elbo"
    """What is maximised: the mean over draws, or the importance-weighted bound over them."""
    n_samples: Annotated[int, Ge(1)] = 1
    """Draws of the latent per cell and step."""
    kl_weight: Annotated[float, Gt(0)] = 1.0
    """Weight of the KL terms in training: 1 trains the bound, others a beta-VAE. The bounds that
    are reported have it at 1, whatever it is."""
    kl_warmup_steps: Annotated[int, Ge(0)] = 0
    """Steps over which the weight of the KL terms grows linearly from 0 to ``kl_weight``."""
    patience: Annotated[int, Ge(0)] = 60
    """Epochs without a better validation bound before a replicate stops and goes back to its best
    weights; 0 trains to the end and keeps the last ones."""
    gradient_clip: Annotated[float, Ge(0)] = 0.0
    """Largest gradient norm of one replicate; 0 does not clip."""
    precision: Literal["float32", "tf32", "bf16"] = "float32"
    """Arithmetic of matrix products; the reduced ones only where asked for."""
