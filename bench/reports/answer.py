"""The answer in words: who leads each task, how sure that is, and what it costs."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from bench.reports.comparisons import Contest
from bench.reports.standings import Board, Standing
from bench.reports.statistics import Difference, difference
from bench.reports.wording import (
    decimals_for,
    heading,
    interval,
    listing,
    number,
    plural,
    seconds,
    signed,
)


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
    ahead = difference(leader.values, runner_up.values, board.better) if runner_up else None
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
    by_leader: dict[str, list[Lead]] = {}
    for found in leads:
        by_leader.setdefault(found.leader.run if found.leader else "", []).append(found)
    parts = [
        _led(run, found) if run else _leaderless(found)
        for run, found in sorted(by_leader.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    passed = [text for text in (_passed(found) for found in contests) if text]
    return Markup(" ").join([Markup("<b>{}.</b>").format(heading(task)), *parts, *passed])


def _leaderless(leads: Sequence[Lead]) -> Markup:
    return Markup("No competitor has a score on {}.").format(_places(leads))


def _led(run: str, leads: Sequence[Lead]) -> Markup:
    costs = [found.leader.costs["train_seconds"] for found in leads if found.leader]
    known = sorted(cost for cost in costs if cost == cost)
    spent = listing(list(dict.fromkeys([seconds(known[0]), seconds(known[-1])]))) if known else ""
    cost = f"; training took {spent.replace(' and ', ' to ')}" if spent else ""
    sure = _surely(leads[0]) if len(leads) == 1 else _on_several(leads)
    return Markup("<strong>{}</strong> leads on {}{}{}.").format(run, _places(leads), sure, cost)


def _surely(found: Lead) -> Markup:
    if found.ahead is None or found.runner_up is None:
        return Markup(", with no other competitor scored")
    if found.ahead.verdict == "undecided":
        return Markup(", ahead of {} on a single seed, which decides nothing").format(
            found.runner_up.run
        )
    places = decimals(found.board)
    by = Markup(" by {}\N{NO-BREAK SPACE}{} {}").format(
        number(found.ahead.mean, places),
        found.board.unit,
        interval(found.ahead.low, found.ahead.high, places),
    )
    if found.ahead.verdict == "better":
        return Markup(", ahead of {}{}").format(found.runner_up.run, by)
    return Markup(", but ties with {}: its lead over {} is {} and covers zero").format(
        listing(found.level, 3), found.runner_up.run, str(by).removeprefix(" by ")
    )


def _on_several(leads: Sequence[Lead]) -> Markup:
    sure = [found for found in leads if found.ahead and found.ahead.verdict == "better"]
    rest = [found.board.dataset for found in leads if found not in sure]
    if not rest:
        return Markup(", on each beyond the interval of its lead")
    tied = sorted({run for found in leads if found not in sure for run in found.level})
    if not tied:
        return Markup(", on {} with no other competitor scored").format(listing(rest))
    return Markup(" but ties on {} (with {})").format(listing(rest), listing(tied, 3))


def _places(leads: Sequence[Lead]) -> str:
    return listing([found.board.dataset for found in leads], 4)


def _passed(found: Contest) -> Markup:
    """How many VAEs pass the hardest baseline of one leaderboard."""
    scored = [baseline for baseline in found.baselines if baseline.score.n]
    if not scored or not found.vaes:
        return Markup("")
    n, of = len(found.passing(scored[0])), len(found.vaes)
    who = "no VAE passes" if n == 0 else f"{n} of {plural(of, 'VAE')} {'passes' if n == 1 else 'pass'}"
    return Markup("On {}, {} the best baseline, {}.").format(
        found.board.dataset, who, scored[0].run
    )


def behind(match: Difference | None, places: int) -> str:
    """A difference with its interval, for a cell of a table."""
    if match is None:
        return ""
    return f"{signed(match.mean, places)} {interval(match.low, match.high, places)}"
