"""The answer in words: who leads each task, how sure that is, and what it costs."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from markupsafe import Markup

from bench.reports.comparisons import Contest
from bench.reports.standings import Board, Standing
from bench.reports.wording import (
    decimals_for,
    heading,
    interval,
    listing,
    number,
    plural,
    seconds,
)
from bench.results.statistics import Difference, difference


class Lead(NamedTuple):
    """Who leads one leaderboard, and how far ahead of whom."""

    board: Board
    leader: Standing | None
    runner_up: Standing | None
    ahead: Difference | None
    """Leader against runner-up, positive."""
    level: tuple[str, ...]
    """Runs whose difference to the leader is not beyond its interval."""
    best_vae: Standing | None


def lead(board: Board) -> Lead:
    """Read one leaderboard from the top."""
    leader, runner_up = [*board.competitors[:2], None, None][:2]
    ahead = None
    if leader and runner_up:
        ahead = difference(leader.values, runner_up.values, board.sign)
    level = tuple(
        s.run
        for s in board.competitors
        if s.to_leader is not None and s.to_leader.verdict in ("tie", "undecided")
    )
    best_vae = next((s for s in board.competitors if s.kind == "VAE"), None)
    return Lead(board, leader, runner_up, ahead, level, best_vae)


def paragraph(leads: Sequence[Lead], contests: Sequence[Contest]) -> list[Markup]:
    """One passage per task: the leaders, then how the VAEs fare against the baselines."""
    tasks = dict.fromkeys(found.board.task for found in leads)
    return [
        _task(
            task,
            [found for found in leads if found.board.task == task],
            [found for found in contests if found.board.task == task],
        )
        for task in tasks
    ]


def decimals(board: Board) -> int:
    """Decimals that suit the scores of one leaderboard."""
    shown = board.competitors or [s for s in board.standings if s.score.n]
    halves = [(s.score.high - s.score.low) / 2 for s in shown]
    return decimals_for(halves, [s.score.mean for s in shown])


def _task(task: str, leads: Sequence[Lead], contests: Sequence[Contest]) -> Markup:
    tops: dict[tuple[str, ...], list[Lead]] = {}
    for found in leads:
        tops.setdefault(_top(found), []).append(found)
    ordered = sorted(tops.items(), key=lambda item: (-len(item[1]), item[0]))
    everywhere = len(ordered) == 1 and len(leads) > 1
    parts = [_led(top, found, everywhere) for top, found in ordered]
    return Markup(" ").join(
        [Markup("<b>{}.</b>").format(heading(task)), *parts, *_passed(contests)]
    )


def _top(found: Lead) -> tuple[str, ...]:
    """The leader with whoever cannot be told from it."""
    return tuple(sorted([found.leader.run, *found.level])) if found.leader else ()


def _led(top: tuple[str, ...], leads: Sequence[Lead], everywhere: bool) -> Markup:
    places = f"on all {len(leads)} datasets" if everywhere else f"on {_places(leads)}"
    if not top:
        return Markup("No competitor has a score {}.").format(places)
    who = Markup("<strong>{}</strong>").format(listing(top, 4))
    if len(top) == 1:
        text = Markup("{} leads {}{}{}.")
        return text.format(who, places, _margin(leads[0]) if len(leads) == 1 else "", _cost(leads))
    single = all(found.ahead and found.ahead.verdict == "undecided" for found in leads)
    why = "one seed decides nothing" if single else "the intervals of their differences cover zero"
    return Markup("{} share the lead {}: {}{}.").format(who, places, why, _cost(leads))


def _margin(found: Lead) -> Markup:
    if found.ahead is None or found.runner_up is None:
        return Markup(", the only competitor with a score")
    places, unit = decimals(found.board), found.board.unit.partition(",")[0]
    return Markup(", {} {} {} ahead of {}").format(
        number(found.ahead.mean, places),
        unit,
        interval(found.ahead.low, found.ahead.high, places),
        found.runner_up.run,
    )


def _cost(leads: Sequence[Lead]) -> str:
    costs = sorted(found.leader.costs["train_seconds"] for found in leads if found.leader)
    known = [cost for cost in costs if isfinite(cost)]
    if not known:
        return ""
    spent = dict.fromkeys([seconds(known[0]), seconds(known[-1])])
    return f" (training: {' to '.join(spent)})"


def _places(leads: Sequence[Lead]) -> str:
    return listing([found.board.dataset for found in leads], 4)


def _passed(contests: Sequence[Contest]) -> list[Markup]:
    """How many VAEs pass the hardest baseline, datasets with the same outcome in one sentence."""
    outcomes: dict[tuple[int, int, str], list[str]] = {}
    for found in contests:
        scored = [baseline for baseline in found.baselines if baseline.score.n]
        if scored and found.vaes:
            outcome = (len(found.passing(scored[0])), len(found.vaes), scored[0].run)
            outcomes.setdefault(outcome, []).append(found.board.dataset)
    one = len(outcomes) == 1 and len(contests) > 1
    return [
        _outcome(*outcome, f"all {len(contests)} datasets" if one else listing(datasets, 4))
        for outcome, datasets in sorted(outcomes.items())
    ]


def _outcome(n: int, of: int, baseline: str, where: str) -> Markup:
    verb = "passes" if n == 1 else "pass"
    who = f"{n} of {plural(of, 'VAE run')} {verb}" if n else "no VAE run passes"
    return Markup("On {}, {} the best baseline, {}.").format(where, who, baseline)
