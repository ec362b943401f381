"""Which settings are tried next: the tree-structured Parzen estimator of Optuna.

    propose  argmax_x  l(x) / g(x)       l: density of the better trials, g: of all others

Trials of one round are proposed together; those that have no value yet count as bad ones, so that
they keep apart.  The first trials are drawn at random.  A round's draws have an address of their
own (search, dataset, task, round): what is proposed follows from the values of the rounds before
and from nothing else.
Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", NeurIPS 24.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.core.metric import sign_of
from bench.core.seeds import address
from bench.search.outcomes import Outcome
from bench.search.trials import label_of

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

DRAWN = 10
"""Trials with a value before the estimator takes over from chance."""

MOST_ASKED = 50
"""Proposals that are thrown away because the same was tried before; then it is tried again."""

Settings = dict[str, Any]


def propose(
    search: Mapping[str, Any], round: int, numbers: Sequence[int], earlier: Sequence[Outcome]
) -> dict[str, Any]:
    """The trials of a round, and the values they were made from."""
    keys = [search[key] for key in ("search", "dataset", "task")]
    tried = [(one.trial["parameters"], one.value) for one in earlier]
    # An address of 63 bits; the sampler takes 32.
    seed = address("search", *keys, round) % 2**32
    made = settings(search["space"], search["better"], tried, len(numbers), seed)
    return {
        "trials": [
            {"number": number, "run": label_of(search["search"], number), "parameters": parameters}
            for number, parameters in zip(numbers, made, strict=True)
        ],
        "made_from": [{"run": one.trial["run"], "value": one.value} for one in earlier],
    }


def settings(
    space: Mapping[str, Mapping[str, Any]],
    better: str,
    tried: Sequence[tuple[Settings, float | None]],
    n: int,
    seed: int,
) -> list[Settings]:
    """So many settings of this space, after those that were ``tried``; a failed one has no value.

    The first m of n settings are those that would be made if m were wanted.
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    # What it says of itself are new studies and trials: files say that here.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=DRAWN, constant_liar=True)
    study = optuna.create_study(
        direction="maximize" if sign_of(better) > 0 else "minimize", sampler=sampler
    )
    distributions = {key: _distribution(one) for key, one in space.items()}
    known = []
    for parameters, value in tried:
        params = {key: _position(space[key], parameters[key]) for key in space}
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        study.add_trial(
            create_trial(params=params, distributions=distributions, value=value, state=state)
        )
        known.append(params)
    for _ in range(n):
        known.append(_fresh(study, distributions, known).params)
    return [{key: _value(space[key], params[key]) for key in space} for params in known[-n:]]


def _fresh(
    study: Study, distributions: dict[str, BaseDistribution], known: Sequence[Settings]
) -> Trial:
    """A proposal that was not made before, if one is found."""
    from optuna.trial import TrialState

    trial = study.ask(distributions)
    for _ in range(MOST_ASKED):
        if trial.params not in known:
            break
        study.tell(trial, state=TrialState.FAIL)
        trial = study.ask(distributions)
    return trial


def _distribution(one: Mapping[str, Any]) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if "choices" in one:
        return CategoricalDistribution(range(len(one["choices"])))
    kind = IntDistribution if one["whole"] else FloatDistribution
    return kind(one["low"], one["high"], log=one["log"])


def _position(one: Mapping[str, Any], value: Any) -> Any:
    """A choice goes by its place in the list, so that it may be anything."""
    return one["choices"].index(value) if "choices" in one else value


def _value(one: Mapping[str, Any], position: Any) -> Any:
    return one["choices"][position] if "choices" in one else position
