"""One minibatch through a variant, and what is wrong with it in its author's terms.

The checks go on as far as what they need is there, so that several faults are told at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from bench.core.errors import Finding
from bench.core.ledger import LossTerms, elbo, once_per_dataset, penalties
from bench.core.problem import TRAIN
from bench.core.variant import Noise, Variant
from bench.training.cells import facts_of, on_device
from bench.training.consistency import disagrees, mismatch
from bench.training.example_cells import example_problem
from bench.training.randomness import draw_one
from bench.training.stack import build_stack, one_pass

N_DRAWS = 64
"""Draws over which importance weights and ledger are compared."""

STEPS = 5
"""Steps that are timed."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a check came to."""

    findings: list[Finding]
    seconds_per_step: float | None
    """Of one replicate on the example's cells; none where it did not get that far."""
    n_parameters: int


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A module and what goes through it."""

    variant: Variant
    module: Any
    cells: dict[str, Tensor]
    n_train: int

    def noise(self, seed: int) -> dict[str, Tensor]:
        wanted = self.module.noise(self.n_cells)
        drawn = draw_one(wanted, 1, torch.Generator().manual_seed(seed))
        return {name: value[0] for name, value in drawn.items()}

    def forward(self, noise: Mapping[str, Tensor], cells: Any = None) -> LossTerms:
        return self.module(cells or self.cells, noise)

    @property
    def n_cells(self) -> int:
        return len(next(iter(self.cells.values())))


def check_model(variant: Variant, hyperparameters: Any) -> Checked:
    """Put made-up cells through a variant; every fault is a finding, none is raised."""
    problem = example_problem(variant)
    rows = torch.from_numpy(problem.rows(TRAIN))
    cells = on_device(problem, variant, torch.device("cpu")).minibatch(rows)
    facts = facts_of(problem)
    built = _tried("build", lambda: _built(lambda: variant.build(facts, hyperparameters)))
    if isinstance(built, Finding):
        return Checked(findings=[built], seconds_per_step=None, n_parameters=0)
    trial = _Trial(variant=variant, module=built, cells=cells, n_train=facts.n_train)
    findings = list(_findings(trial))
    count = sum(parameter.numel() for parameter in built.parameters())
    seconds = None if findings else _seconds_per_step(trial)
    return Checked(findings=findings, seconds_per_step=seconds, n_parameters=count)


def _findings(trial: _Trial) -> Iterator[Finding]:
    missing = [name for name in ("noise", "infer", "generate") if not hasattr(trial.module, name)]
    yield from (Finding(name, None, "the module has no such method") for name in missing)
    if missing:
        return
    wrong = list(_of_noise(trial))
    yield from wrong
    if wrong:
        return
    yield from _of_infer(trial)
    terms = _tried("forward", lambda: trial.forward(trial.noise(0)))
    if isinstance(terms, Finding):
        yield terms
        return
    wrong = [*_of_ledger(trial, terms)]
    wrong += _of_chance(trial) if not wrong or wrong[0].place != "forward" else []
    yield from wrong
    yield from _of_gradient(trial)
    if not any(finding.place == "forward" for finding in wrong):
        # What draws for itself, or is no ledger, cannot be compared with itself.
        yield from (*_of_mask(trial), *_of_stacking(trial))
    if not wrong:
        yield from _of_weight(trial)


def _of_noise(trial: _Trial) -> Iterator[Finding]:
    wanted = _tried("noise", lambda: trial.module.noise(trial.n_cells))
    if isinstance(wanted, Finding):
        yield wanted
        return
    if not isinstance(wanted, dict) or not all(isinstance(n, Noise) for n in wanted.values()):
        yield Finding("noise", type(wanted).__name__, "expected a dict of Noise by name")
        return
    for name, one in wanted.items():
        # A variant that enumerates types has a row per cell and type.
        if not one.shared and (not one.shape or one.shape[0] % trial.n_cells):
            expected = f"its first axis is not the {trial.n_cells} cells of the minibatch"
            fix = "say shared=True where one draw serves all cells"
            yield Finding(f"noise: {name}", one.shape, expected, fix)


def _of_infer(trial: _Trial) -> Iterator[Finding]:
    posterior = _tried("infer", lambda: trial.module.infer(trial.cells))
    if isinstance(posterior, Finding):
        yield posterior
    elif not isinstance(posterior, Mapping):
        expected = "expected a mapping of posteriors by the name of their latent"
        yield Finding("infer", type(posterior).__name__, expected, 'return {"z": posterior}')
    elif "z" not in posterior:
        yield Finding("infer", list(posterior), "no latent is called z", 'return {"z": posterior}')


def _of_ledger(trial: _Trial, terms: Any) -> Iterator[Finding]:
    if not isinstance(terms, LossTerms):
        yield Finding("forward", type(terms).__name__, "expected LossTerms")
        return
    if "reconstruction" not in terms.local:
        expected = "no local term is called reconstruction"
        fix = "it is the negative log likelihood of each cell"
        yield Finding("forward: local", list(terms.local), expected, fix)
    per_cell = {f"local: {name}": term for name, term in terms.local.items()}
    per_cell["log_weight"] = terms.log_weight
    for name, term in per_cell.items():
        yield from _of_term(f"forward: {name}", term, (trial.n_cells,))
    for kind in ("shared", "penalty"):
        for name, term in getattr(terms, kind).items():
            yield from _of_term(f"forward: {kind}: {name}", term, ())


def _of_term(place: str, term: Any, shape: tuple[int, ...]) -> Iterator[Finding]:
    if not isinstance(term, Tensor) or tuple(term.shape) != shape:
        found = tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__
        expected = f"expected a tensor of shape {shape}"
        yield Finding(place, found, expected, "one number per cell" if shape else "one number")
    elif not bool(term.isfinite().all()):
        yield Finding(place, None, "is not finite for some cells of the example")


def _of_chance(trial: _Trial) -> Iterator[Finding]:
    """The same noise must give the same ledger, and draw from nothing else."""
    for mode in (True, False):
        trial.module.train(mode)
        before = {k: v.clone() for k, v in trial.module.state_dict().items()}
        first = trial.forward(trial.noise(0))
        trial.module.load_state_dict(before)
        torch.rand(1)
        second = trial.forward(trial.noise(0))
        trial.module.load_state_dict(before)
        if not torch.equal(first.log_weight, second.log_weight):
            expected = "twice the same noise gave two results: it draws from a global generator"
            fix = "declare what it draws in noise() and read it from there; dropout too"
            yield Finding("forward", None, expected, fix)
            return


def _of_mask(trial: _Trial) -> Iterator[Finding]:
    """What stands where nobody may look must change nothing."""
    if "observed" not in trial.variant.needs:
        return
    field = "values" if "values" in trial.cells else "counts"
    hidden = trial.cells["observed"] == 0
    spoilt = trial.cells | {field: trial.cells[field].masked_fill(hidden, 7.0)}
    trial.module.eval()
    clean = trial.forward(trial.noise(0))
    dirty = trial.forward(trial.noise(0), spoilt)
    moved = {
        name
        for name, term in {**clean.local, "log_weight": clean.log_weight}.items()
        if not torch.equal(term, {**dirty.local, "log_weight": dirty.log_weight}[name])
    }
    if moved:
        expected = f"{', '.join(sorted(moved))} change with {field} that are not observed"
        fix = f"multiply {field} and the log likelihood by cells['observed']"
        yield Finding("forward", None, expected, fix)


def _of_gradient(trial: _Trial) -> Iterator[Finding]:
    """Every parameter must be moved by the loss."""
    trial.module.train()
    trial.module.zero_grad()
    for seed in range(3):
        terms = trial.forward(trial.noise(seed))
        loss: Any = penalties(terms) - elbo(terms).mean()
        loss = loss + once_per_dataset(terms, trial.n_train)
        failed = _tried("forward", loss.backward)
        if isinstance(failed, Finding):
            yield failed._replace(expected=f"the loss has no gradient: {failed.expected}")
            return
    idle = [
        name
        for name, parameter in trial.module.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not bool(parameter.grad.any()))
    ]
    if idle:
        fix = "remove it, or use it in forward"
        yield Finding("parameters", idle, "the loss does not depend on them", fix)


def _of_stacking(trial: _Trial) -> Iterator[Finding]:
    """Replicates and draws are axes that torch.vmap adds."""
    module, cells = trial.module.train(), trial.cells
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    draws = draw_one(module.noise(trial.n_cells), 2, torch.Generator().manual_seed(0))

    def replicate(params: Any, buffers: Any) -> LossTerms:
        return one_pass(module, params, buffers, cells, draws)

    def run() -> Any:
        stacked = [{k: torch.stack([v, v]) for k, v in one.items()} for one in (params, buffers)]
        return torch.func.vmap(replicate)(*stacked)

    failed = _tried("forward", run)
    if isinstance(failed, Finding):
        expected = f"it cannot be stacked by torch.vmap: {failed.expected}"
        fix = "no .item(), no if on the value of a tensor, no tensor changed in place"
        yield Finding("forward", None, expected, fix)


def _of_weight(trial: _Trial) -> Iterator[Finding]:
    trial.module.eval()
    draws = [trial.noise(seed) for seed in range(N_DRAWS)]
    found = mismatch(trial.forward, draws)
    with torch.no_grad():
        size = float(elbo(trial.forward(draws[0])).mean())
    if disagrees(found, size):
        expected = (
            f"its mean is {found.mean:+.3g} nats per cell (standard error {found.error:.2g}) from "
            "that of the ledger"
        )
        fix = "log_weight is log p(x, z) - log q(z | x) at the draw, every KL of the ledger in it"
        yield Finding("forward: log_weight", None, expected, fix)


def _seconds_per_step(trial: _Trial) -> float:
    module = trial.module.train()
    started = perf_counter()
    for seed in range(STEPS):
        terms = trial.forward(trial.noise(seed))
        loss: Any = penalties(terms) - elbo(terms).mean()
        module.zero_grad()
        loss.backward()
    return (perf_counter() - started) / STEPS


def _built(build: Callable[[], nn.Module]) -> nn.Module:
    """With weights of its own, whatever the state of torch's generator."""
    stack = build_stack(build, [0], torch.device("cpu"))
    return stack.skeleton


def _tried(place: str, call: Callable[[], Any]) -> Any:
    """What a call returns, or a finding where it raises."""
    try:
        return call()
    except Exception as error:  # an author's code may raise anything
        return Finding(place, None, f"raises {type(error).__name__}: {error}")
