"""The summary: which run leads each task, how sure that is, and what it costs."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

from markupsafe import Markup

from bench.core.section import Section
from bench.reports._comparisons import BaselineComparison
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._wording import heading, interval, listing, number, plural, seconds
from bench.results.statistics import Difference, difference, most_covered


class LeadingRun(NamedTuple):
    """The best run of one leaderboard, and how far it is ahead of the second."""

    leaderboard: Leaderboard
    leader: Row | None
    second: Row | None
    ahead: Difference | None
    """Leader against second, positive."""
    level: tuple[str, ...]
    """Runs whose difference to the leader is not beyond its interval."""
    best_vae: Row | None


def content(report: StudyReport) -> dict[str, Any]:
    """Sentences per task, and a table with a row per leaderboard."""
    leading = [leading_run(one) for one in report.leaderboards]
    return {
        "passages": passages(leading, list(report.comparisons.values())),
        "leading": leading,
        "most_covered": most_covered(report.counts.units),
    }


def leading_run(leaderboard: Leaderboard) -> LeadingRun:
    """Read one leaderboard from the top."""
    leader, second = [*leaderboard.competitors[:2], None, None][:2]
    ahead = None
    if leader and second:
        ahead = difference(leader.values, second.values, leaderboard.better)
    level = tuple(
        row.run
        for row in leaderboard.competitors
        if row.to_leader is not None and row.to_leader.verdict in ("tie", "undecided")
    )
    best_vae = next((row for row in leaderboard.competitors if row.kind == "VAE"), None)
    return LeadingRun(leaderboard, leader, second, ahead, level, best_vae)


def passages(
    leading: Sequence[LeadingRun], comparisons: Sequence[BaselineComparison]
) -> list[Markup]:
    """One passage per task: the leaders, then how the VAEs compare with the baselines."""
    tasks = dict.fromkeys(found.leaderboard.task for found in leading)
    return [
        _task(
            task,
            [found for found in leading if found.leaderboard.task == task],
            [found for found in comparisons if found.leaderboard.task == task],
        )
        for task in tasks
    ]


def _task(
    task: str, leading: Sequence[LeadingRun], comparisons: Sequence[BaselineComparison]
) -> Markup:
    tops: dict[tuple[str, ...], list[LeadingRun]] = {}
    for found in leading:
        tops.setdefault(_top(found), []).append(found)
    ordered = sorted(tops.items(), key=lambda item: (-len(item[1]), item[0]))
    everywhere = len(ordered) == 1 and len(leading) > 1
    parts = [_led(top, found, _where(found, everywhere)) for top, found in ordered]
    return Markup(" ").join(
        [Markup("<b>{}.</b>").format(heading(task)), *parts, *_passed(comparisons)]
    )


def _top(found: LeadingRun) -> tuple[str, ...]:
    """The leader with all runs that cannot be told from it."""
    return tuple(sorted([found.leader.run, *found.level])) if found.leader else ()


def _led(top: tuple[str, ...], leading: Sequence[LeadingRun], where: str) -> Markup:
    if not top:
        return Markup("No competitor has a score {}.").format(where)
    who = Markup("<strong>{}</strong>").format(listing(top, 4))
    if len(top) == 1:
        margin = _margin(leading[0]) if len(leading) == 1 else ""
        return Markup("{} leads {}{}{}.").format(who, where, margin, _cost(leading))
    single = all(found.ahead and found.ahead.verdict == "undecided" for found in leading)
    why = "one seed decides nothing" if single else "the intervals of their differences cover zero"
    return Markup("{} share the lead {}: {}{}.").format(who, where, why, _cost(leading))


def _margin(found: LeadingRun) -> Markup:
    if found.ahead is None or found.second is None:
        return Markup(", the only competitor with a score")
    decimals, unit = found.leaderboard.decimals, found.leaderboard.unit.partition(",")[0]
    return Markup(", {} {} {} ahead of {}").format(
        number(found.ahead.mean, decimals),
        unit,
        interval(found.ahead.low, found.ahead.high, decimals),
        found.second.run,
    )


def _cost(leading: Sequence[LeadingRun]) -> str:
    costs = sorted(found.leader.costs["train_seconds"] for found in leading if found.leader)
    known = [cost for cost in costs if isfinite(cost)]
    if not known:
        return ""
    spent = dict.fromkeys([seconds(known[0]), seconds(known[-1])])
    return f" (training: {' to '.join(spent)})"


def _where(leading: Sequence[LeadingRun], everywhere: bool) -> str:
    if everywhere:
        return f"on all {len(leading)} datasets"
    return f"on {listing([found.leaderboard.dataset for found in leading], 4)}"


def _passed(comparisons: Sequence[BaselineComparison]) -> list[Markup]:
    """How many VAEs pass the hardest baseline, datasets with the same outcome in one sentence."""
    outcomes: dict[tuple[int, int, str], list[str]] = {}
    for found in comparisons:
        scored = [baseline for baseline in found.baselines if baseline.score.n]
        if scored and found.vaes:
            outcome = (len(found.better_than(scored[0])), len(found.vaes), scored[0].run)
            outcomes.setdefault(outcome, []).append(found.leaderboard.dataset)
    one = len(outcomes) == 1 and len(comparisons) > 1
    return [
        _outcome(*outcome, f"all {len(comparisons)} datasets" if one else listing(datasets, 4))
        for outcome, datasets in sorted(outcomes.items())
    ]


def _outcome(n: int, of: int, baseline: str, where: str) -> Markup:
    verb = "passes" if n == 1 else "pass"
    who = f"{n} of {plural(of, 'VAE run')} {verb}" if n else "no VAE run passes"
    return Markup("On {}, {} the best baseline, {}.").format(where, who, baseline)


SECTION = Section(title="Summary", order=10, content=content)
