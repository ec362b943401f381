"""From records to tables: what a leaderboard is sorted by."""

import pytest

from bench.results.collect import ranking

METRICS = {
    "old": {"metric": "old", "sound": False},
    "purity": {"metric": "purity", "sound": True},
    "./mine.py": {"metric": "mine", "sound": True},
    "total": {"metric": "total", "sound": True},
}


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        (["old", "purity", "total"], "total"),
        (["old", "purity"], "purity"),
        (["./mine.py", "purity"], "mine"),
        (["old"], "total"),
    ],
)
def test_a_task_is_ranked_by_its_own_metric_or_the_first_sound_one(scored, expected):
    runs = [{"task": "t", "metrics": scored}, {"task": "other", "metrics": ["total"]}]
    assert ranking("total", "t", {"runs": runs, "metrics": METRICS}) == expected
