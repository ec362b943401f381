"""Proposals of settings by the tree-structured Parzen estimator of Optuna.

    propose  argmax_x  l(x) / g(x)       l: density of the better trials, g: of all others

All trials of a round are proposed together; trials without a value count as bad, so that the
proposals differ.  The first trials are random.  The address of the random numbers of a round is
(search, dataset, task, round), so that proposals depend only on the values of earlier rounds.
Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization", NeurIPS 24.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.core.metric import sign_of
from bench.core.seeds import address
from bench.planning.search.outcomes import Outcome
from bench.planning.search.trials import label_of

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

DRAWN = 10
"""Number of random trials with a value before the estimator is used."""

MOST_ASKED = 50
"""Maximum number of rejected duplicate proposals; after these a duplicate is accepted."""

Settings = dict[str, Any]


def propose(
    search: Mapping[str, Any], round: int, numbers: Sequence[int], earlier: Sequence[Outcome]
) -> dict[str, Any]:
    """The trials of a round, and the values on which they depend."""
    keys = [search[key] for key in ("search", "dataset", "task")]
    tried = [(one.trial["parameters"], one.value) for one in earlier]
    # An address has 63 bits; the sampler accepts 32.
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
    """New settings of this space, after the ``tried`` ones; a failed trial has no value.

    The first m of n settings do not depend on n.
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    # Optuna logs new studies and trials, which the files of a round already record.
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
    """A proposal that differs from all earlier ones, if one is found."""
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
    """The index of a choice in its list, so that choices may have any type."""
    return one["choices"].index(value) if "choices" in one else value


def _value(one: Mapping[str, Any], position: Any) -> Any:
    return one["choices"][position] if "choices" in one else position
