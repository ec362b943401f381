"""Checks a variant on one minibatch and reports faults in terms of its source.

A check runs if its inputs are available, so that one call reports several faults.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from bench.core.errors import Finding
from bench.core.ledger import LossTerms, elbo, once_per_dataset, penalties
from bench.core.problem import TRAIN
from bench.core.variant import Noise, Variant, VariantModule
from bench.training.author_code import attempted
from bench.training.cells import facts_of, on_device
from bench.training.consistency import disagrees, mismatch
from bench.training.example_cells import example_problem
from bench.training.randomness import draw_one
from bench.training.stack import build_stack, one_pass

N_DRAWS = 64
"""Samples for the comparison of importance weights with the ledger."""

STEPS = 5
"""Number of timed steps."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of a check."""

    findings: list[Finding]
    seconds_per_step: float | None
    """For one replicate on the example cells; None if the variant has faults."""
    n_parameters: int


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """A module and its inputs."""

    variant: Variant
    file: Path
    module: Any
    cells: dict[str, Tensor]
    n_train: int

    def noise(self, seed: int) -> dict[str, Tensor]:
        wanted = self.module.noise(self.n_cells)
        noise = draw_one(wanted, 1, torch.Generator().manual_seed(seed))
        return {name: value[0] for name, value in noise.items()}

    def forward(self, noise: Mapping[str, Tensor], cells: Any = None) -> LossTerms:
        return self.module(cells or self.cells, noise)

    def attempted(self, place: str, call: Callable[[], Any]) -> Any:
        return attempted(self.file, place, call)

    @property
    def n_cells(self) -> int:
        return len(next(iter(self.cells.values())))


def check_model(variant: Variant, config: Any, file: Path) -> Checked:
    """Run a variant on example cells; every fault is a finding, no fault is raised.

    ``file`` is the file of the variant: findings name its lines.
    """
    problem = example_problem(variant)
    rows = torch.from_numpy(problem.rows(TRAIN))
    cells = on_device(problem, variant, torch.device("cpu")).minibatch(rows)
    facts = facts_of(problem)
    built = attempted(file, "build", lambda: _built(lambda: variant.build(facts, config)))
    if isinstance(built, Finding):
        return Checked(findings=[built], seconds_per_step=None, n_parameters=0)
    trial = _Trial(variant=variant, file=file, module=built, cells=cells, n_train=facts.n_train)
    findings = list(_findings(trial))
    count = sum(parameter.numel() for parameter in built.parameters())
    seconds = None if findings else trial.attempted("forward", lambda: _seconds_per_step(trial))
    if isinstance(seconds, Finding):
        findings, seconds = [seconds], None
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
    terms = trial.attempted("forward", lambda: trial.forward(trial.noise(0)))
    if isinstance(terms, Finding):
        yield terms
    elif not isinstance(terms, LossTerms):
        yield Finding("forward", type(terms).__name__, "expected LossTerms")
    else:
        yield from _of_terms(trial, terms)


def _of_terms(trial: _Trial, terms: LossTerms) -> Iterator[Finding]:
    """Checks of the ledger, and if it has no faults, of ledgers of other passes."""
    wrong = list(_of_ledger(trial, terms))
    yield from wrong
    each = [*terms.local.values(), terms.log_weight, *terms.shared.values()]
    if not terms.local or not all(isinstance(term, Tensor) for term in each):
        return
    finite = all(bool(term.isfinite().all()) for term in each)
    by_chance = _found(trial, _of_chance) if finite else []
    yield from by_chance
    yield from _found(trial, _of_gradient)
    if not by_chance:
        yield from _found(trial, _of_mask) if finite else []
        yield from _found(trial, _of_stacking)
    if not wrong and not by_chance:
        yield from _found(trial, _of_weight)


def _found(trial: _Trial, check: Callable[[_Trial], Iterator[Finding]]) -> list[Finding]:
    """What a check finds; an exception in it, which the first pass did not raise, is a finding."""
    found = trial.attempted("forward", lambda: list(check(trial)))
    return [found] if isinstance(found, Finding) else found


def _of_noise(trial: _Trial) -> Iterator[Finding]:
    wanted = trial.attempted("noise", lambda: trial.module.noise(trial.n_cells))
    if isinstance(wanted, Finding):
        yield wanted
        return
    if not isinstance(wanted, dict) or not all(isinstance(n, Noise) for n in wanted.values()):
        yield Finding("noise", type(wanted).__name__, "expected a dict from names to Noise")
        return
    for name, one in wanted.items():
        # A variant that sums over types has a row per cell and type.
        if not one.shared and (not one.shape or one.shape[0] % trial.n_cells):
            expected = f"expected {trial.n_cells} (the cells of the minibatch) on the first axis"
            fix = "set shared=True for noise that all cells share"
            yield Finding(f"noise: {name}", one.shape, expected, fix)


def _of_infer(trial: _Trial) -> Iterator[Finding]:
    posterior = trial.attempted("infer", lambda: trial.module.infer(trial.cells))
    if isinstance(posterior, Finding):
        yield posterior
    elif not isinstance(posterior, Mapping):
        expected = "expected a mapping from names of latents to posteriors"
        yield Finding("infer", type(posterior).__name__, expected, 'return {"z": posterior}')
    elif "z" not in posterior:
        yield Finding(
            "infer", list(posterior), "no latent has the name z", 'return {"z": posterior}'
        )


def _of_ledger(trial: _Trial, terms: LossTerms) -> Iterator[Finding]:
    if "reconstruction" not in terms.local:
        expected = "no local term has the name reconstruction"
        fix = "add it: the negative log likelihood of each cell"
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
        yield Finding(place, None, "is not finite for some example cells")


def _of_chance(trial: _Trial) -> Iterator[Finding]:
    """Equal noise must give equal ledgers, without other random numbers."""
    for mode in (True, False):
        trial.module.train(mode)
        before = {k: v.clone() for k, v in trial.module.state_dict().items()}
        first = trial.forward(trial.noise(0))
        trial.module.load_state_dict(before)
        torch.rand(1)
        second = trial.forward(trial.noise(0))
        trial.module.load_state_dict(before)
        if not torch.equal(first.log_weight, second.log_weight):
            expected = "the same noise gave two different results: forward uses a global generator"
            fix = "declare all random numbers in noise(), including those for dropout"
            yield Finding("forward", None, expected, fix)
            return


def _of_mask(trial: _Trial) -> Iterator[Finding]:
    """Values of entries that are not observed must not change the ledger."""
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
        expected = f"{', '.join(sorted(moved))} depend on {field} that are not observed"
        fix = f"multiply {field} and the log likelihood by cells['observed']"
        yield Finding("forward", None, expected, fix)


def _of_gradient(trial: _Trial) -> Iterator[Finding]:
    """The loss must depend on every parameter."""
    trial.module.train()
    trial.module.zero_grad()
    for seed in range(3):
        terms = trial.forward(trial.noise(seed))
        loss: Any = penalties(terms) - elbo(terms).mean()
        loss = loss + once_per_dataset(terms, trial.n_train)
        failed = trial.attempted("forward", loss.backward)
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
    """torch.vmap must be able to add axes for replicates and samples."""
    module, cells = trial.module.train(), trial.cells
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    draws = draw_one(module.noise(trial.n_cells), 2, torch.Generator().manual_seed(0))

    def replicate(params: Any, buffers: Any) -> LossTerms:
        return one_pass(module, params, buffers, cells, draws)

    def run() -> Any:
        stacked = [{k: torch.stack([v, v]) for k, v in one.items()} for one in (params, buffers)]
        return torch.func.vmap(replicate)(*stacked)

    failed = trial.attempted("forward", run)
    if isinstance(failed, Finding):
        expected = f"torch.vmap cannot stack it: {failed.expected}"
        fix = "avoid .item(), conditions on tensor values, and in-place changes of tensors"
        yield Finding("forward", None, expected, fix)


def _of_weight(trial: _Trial) -> Iterator[Finding]:
    trial.module.eval()
    draws = [trial.noise(seed) for seed in range(N_DRAWS)]
    found = mismatch(trial.forward, draws)
    with torch.no_grad():
        size = float(elbo(trial.forward(draws[0])).mean())
    if disagrees(found, size):
        expected = (
            f"its mean differs from the ledger by {found.mean:+.3g} nats per cell "
            f"(standard error {found.error:.2g})"
        )
        fix = "log_weight is log p(x, z) - log q(z | x) at the sample, with every KL of the ledger"
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


def _built(build: Callable[[], VariantModule]) -> VariantModule:
    """Build the module with its own seed, independent of the state of torch's generator."""
    stack = build_stack(build, [0], torch.device("cpu"))
    return stack.skeleton
