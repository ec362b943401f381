"""SAMS-VAE beside its authors' own code on their own simulation: speed, loss and masks, in one run.

    PYTHONPATH=<a checkout of insitro/sams-vae> python benchmarks/sams_vae_against_its_authors.py
    ... --steps 12000             trains ours in full as well: loss and masks
    ... --steps 12000 --theirs    and theirs
    ... --steps 7840 --set mask_weight=50 n_samples=1    ours with other hyperparameters

Needs their package importable, with pyro-ppl, pytorch-lightning and anndata; none of it comes with
this project.  Their side is their loss module, their data loader and Adam in the plainest loop, so
without the costs of their logging; ours is a whole training with its validation after every epoch.
Seconds are those of one core, so that other work on the machine does not count.
The validation loss is theirs: global terms are weighed by the validation set's own cells.
"""

import argparse
from dataclasses import fields
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import torch
import yaml
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.training.config import TrainingConfig
from bench.training.loop import Trained, train

SIZES = {"n_latent": 15, "n_hidden": 50, "n_layers": 4}
ALPHA, SCALE, BATCH, PARTICLES, RATE = 0.13, 5.0, 512, 5, 1e-3
TIMED_EPOCHS, N_PAIRS = 2, 5


def theirs(data: Any) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """Their model, guide and loss, with the settings of both."""
    from sams_vae.models.sams_vae.guides.mean_field_normal_guide import SAMSVAEMeanFieldNormalGuide
    from sams_vae.models.sams_vae.loss_module import SAMSVAE_ELBOLossModule
    from sams_vae.models.sams_vae.model import SAMSVAEModel

    torch.manual_seed(0)
    shape = {"n_latent": 15, "n_treatments": 100, "n_phenos": 100}
    model = SAMSVAEModel(
        **shape,
        mask_prior_prob=ALPHA,
        embedding_prior_scale=SCALE,
        likelihood_key="normal_fixed_variance",
        decoder_n_layers=SIZES["n_layers"],
        decoder_n_hidden=SIZES["n_hidden"],
    )
    guide = SAMSVAEMeanFieldNormalGuide(
        **shape,
        basal_encoder_n_layers=SIZES["n_layers"],
        basal_encoder_n_hidden=SIZES["n_hidden"],
        basal_encoder_input_normalization="standardize",
        x_normalization_stats=data.x_train_statistics,
    )
    loss = SAMSVAE_ELBOLossModule(model, guide)
    return loss, torch.optim.Adam(loss.parameters(), lr=RATE, weight_decay=1e-6)


def their_steps(data: Any, loss: Any, optimiser: Any, n_steps: int) -> float:
    """CPU seconds of so many steps."""
    counts, done, started = data.get_train_perturbation_obs_counts(), 0, process_time()
    while done < n_steps:
        for batch in data.train_dataloader():
            cost, _ = loss.loss(batch["X"], batch["D"], counts, n_particles=PARTICLES)
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            done += 1
            if done == n_steps:
                break
    return process_time() - started


@torch.no_grad()
def their_validation_loss(data: Any, loss: Any) -> float:
    counts = data.get_val_perturbation_obs_counts()
    each = [
        (len(b["X"]), float(loss.loss(b["X"], b["D"], counts, n_particles=PARTICLES)[0]))
        for b in data.val_dataloader()
    ]
    return sum(n * value for n, value in each) / sum(n for n, _ in each)


def problem_of(data: Any) -> Problem:
    """Their simulation as a problem of ours."""
    roles = {"train": TRAIN, "val": VALIDATION, "test": TEST}
    role = np.array([roles[split] for split in data.adata.obs["split"]], dtype=np.int8)
    treatment = data.adata.obs["treatment"].astype(int)
    return Problem(
        counts=csr_matrix(data.adata.X.astype(np.float32)),
        role=role,
        scored=np.flatnonzero(role == TEST),
        labels={"perturbation": np.array([f"t{number:03d}" for number in treatment])},
        measured="values",
    )


def our_training(problem: Problem, n_epochs: int, others: dict[str, Any]) -> Trained:
    """``others`` replace hyperparameters and training keys of theirs."""
    variant, cpu = card("models", "sams_vae_normal"), torch.device("cpu")
    keys = {
        **SIZES,
        "guide": "mean_field",
        "mask_prior_probability": ALPHA,
        "embedding_prior_scale": SCALE,
        "batch_size": BATCH,
        "learning_rate": RATE,
        "n_samples": PARTICLES,
        "weight_decay": 1e-6,
        "patience": 0,
        **others,
    }
    own = {field.name for field in fields(TrainingConfig)}
    training = TrainingConfig(
        max_epochs=n_epochs, **{name: value for name, value in keys.items() if name in own}
    )
    config = variant.config(**{name: value for name, value in keys.items() if name not in own})
    return train(problem, variant, config, training, [0], cpu, lambda epoch, going: None)


def our_validation_loss(result: Trained, share: float) -> float:
    """By their definition: ``share`` is training cells over validation cells."""
    columns = result.curves.columns
    last = {
        term: value
        for part, term, value in zip(*(columns[c] for c in ("part", "term", "value")), strict=True)
        if part == "validation"
    }
    return last["reconstruction"] + last["kl_z"] + share * (last["kl_mask"] + last["kl_embedding"])


def mask_scores(logit: torch.Tensor, true: np.ndarray) -> str:
    """Precision, recall and F1 after matching latents."""
    found = logit.sigmoid().numpy() > 0.5
    hits = found.T.astype(float) @ true
    hit = hits[linear_sum_assignment(-hits)].sum()
    precision, recall = hit / max(found.sum(), 1), hit / true.sum()
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"mask precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}"


def setting(text: str) -> tuple[str, Any]:
    """``key=value`` as in a study."""
    key, _, value = text.partition("=")
    return key, yaml.safe_load(value)


def main() -> None:
    from sams_vae.data.simulations.data_module import SAMSVAESimulationDataModule

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=0, help="train ours so long as well")
    parser.add_argument("--theirs", action="store_true", help="and theirs")
    parser.add_argument("--set", nargs="*", default=[], type=setting, help="key=value, of ours")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = SAMSVAESimulationDataModule(batch_size=BATCH)
    problem, (loss, optimiser) = problem_of(data), theirs(data)
    n_train, n_validation = (len(problem.rows(role)) for role in (TRAIN, VALIDATION))
    per_epoch = -(-n_train // BATCH)
    timed = TIMED_EPOCHS * per_epoch
    pairs = []
    for _ in range(N_PAIRS):
        their_seconds = their_steps(data, loss, optimiser, timed)
        started = process_time()
        our_training(problem, TIMED_EPOCHS, {})
        pairs.append((timed / their_seconds, timed / (process_time() - started)))
        print(
            f"steps per CPU second: theirs {pairs[-1][0]:.1f}, ours {pairs[-1][1]:.1f}", flush=True
        )
    print(f"median of paired ratios: {median(ours / other for other, ours in pairs):.2f}")
    true = data.adata.uns["latent_effects"] != 0
    if options.steps:
        result = our_training(problem, options.steps // per_epoch, dict(options.set))
        value = our_validation_loss(result, n_train / n_validation)
        print(f"ours: {result.seconds:.0f} s, validation loss {value:.2f}")
        found = result.replicates[0].best_state["treatments.mask.logit"]
        print(f"ours: {mask_scores(found, true)}", flush=True)
    if options.steps and options.theirs:
        loss, optimiser = theirs(data)
        seconds = their_steps(data, loss, optimiser, options.steps)
        print(f"theirs: {seconds:.0f} s, validation loss {their_validation_loss(data, loss):.2f}")
        print(f"theirs: {mask_scores(loss.guide.param_dict['q_mask_logits'].detach(), true)}")


if __name__ == "__main__":
    main()
