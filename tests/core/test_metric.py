"""Truths about names of metrics, and about a card with its views."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.core.metric import Metric, MetricName, View, sign_of


def spread(values: NDArray[Any]) -> float:
    return float(np.ptp(values))


def score(
    *, seen: NDArray[Any], shift: float = 0.0, summary: Any = np.mean, less: Any = None
) -> float:
    return float(summary(seen if less is None else seen - less)) + shift


def card(**changes: Any) -> Metric:
    plain = {"label": "mean", "score": score, "better": "higher", "unit": "counts"}
    return Metric(**{**plain, "reference": "a test", "blind_to": "It is blind.", **changes})


def view(**changes: Any) -> View:
    return View(**{"label": "other", "description": "It differs.", **changes})


@pytest.mark.parametrize(
    ("text", "measure", "name", "in_tables"),
    [
        ("accuracy", "accuracy", "", "accuracy"),
        ("accuracy.knn", "accuracy", "knn", "accuracy.knn"),
        ("effect_jaccard.20", "effect_jaccard", "20", "effect_jaccard.20"),
        ("mine.py", "mine.py", "", "mine"),
        ("../my.own/mine.py", "../my.own/mine.py", "", "mine"),
        ("../my.own/mine.py.top20", "../my.own/mine.py", "top20", "mine.top20"),
        ("accuracy.", "accuracy.", "", "accuracy."),
        ("a.b.c", "a.b.c", "", "a.b"),
    ],
)
def test_a_name_is_a_measure_and_a_view(text: str, measure: str, name: str, in_tables: str) -> None:
    parsed = MetricName.parse(text)
    assert (parsed.measure, parsed.view, str(parsed)) == (measure, name, text)
    if measure.endswith(".py") or "." not in measure:
        assert parsed.in_tables == in_tables


def test_one_function_knows_the_direction() -> None:
    assert (sign_of("higher"), sign_of("lower")) == (1.0, -1.0)
    assert (card().sign, card(better="lower").sign) == (1.0, -1.0)
    with pytest.raises(KeyError):
        sign_of("larger")


def test_needs_follow_from_the_function_and_the_view() -> None:
    views = {
        "other": view(arrays={"seen": "made"}),
        "less": view(arrays={"less": "background"}),
        "bound": view(options={"seen": np.zeros(2)}),
    }
    metric = card(views=views)
    assert metric.of_view().needs == {"seen"}
    assert metric.of_view("other").needs == {"made"}
    assert metric.of_view("less").needs == {"seen", "background"}
    assert metric.of_view("bound").needs == set()
    assert card(arrays={"seen": "first"}).inputs == {"seen": "first"}


def test_a_view_is_the_same_function_of_other_arrays_with_other_options() -> None:
    arrays = {"seen": np.array([1.0, 5.0]), "made": np.array([2.0, 4.0])}
    views = {
        "made": view(arrays={"seen": "made"}),
        "spread": view(options={"summary": spread, "shift": 1.0}),
        "beyond": view(arrays={"less": "made"}, options={"summary": spread}),
    }
    found = {name: card(views=views).of_view(name).value(arrays) for name in ("", *views)}
    assert found == {"": 3.0, "made": 3.0, "spread": 5.0, "beyond": 2.0}


def test_no_other_array_is_read_than_it_needs() -> None:
    read = []

    class Arrays:
        def __getitem__(self, name: str) -> NDArray[Any]:
            read.append(name)
            return np.ones(1)

    assert card(views={"v": view(arrays={"seen": "made"})}).of_view("v").value(Arrays()) == 1
    assert read == ["made"]


def test_a_view_overrides_what_it_names_and_keeps_the_rest() -> None:
    plain = view()
    turned = view(
        label="turned",
        better="lower",
        bounds=(0.0, 2.0),
        unit="shares",
        sound=False,
        reference="a paper",
        blind_to="It is blind to more.",
    )
    metric = card(views={"plain": plain, "turned": turned})
    one, other = metric.of_view("plain"), metric.of_view("turned")
    assert (one.label, one.better, one.bounds, one.unit) == (
        "mean, other",
        "higher",
        metric.bounds,
        "counts",
    )
    assert (one.sound, one.reference, one.blind_to) == (True, "a test", "It is blind.")
    assert (other.label, other.better, other.bounds) == ("mean, turned", "lower", (0.0, 2.0))
    assert (other.unit, other.sound, other.reference) == ("shares", False, "a paper")
    assert (other.blind_to, other.sign) == ("It is blind to more.", -1.0)
    assert [dict(found.views) for found in (one, other, metric.of_view())] == [{}, {}, {}]


def test_the_default_view_may_have_a_name() -> None:
    views = {"first": view(), "second": view(label="second")}
    nameless, named = card(views=views), card(views=views, default="second")
    assert nameless.view_names == ["", "first", "second"]
    assert named.view_names == ["second", "first"]
    assert nameless.of_view().label == "mean"
    assert named.of_view().label == named.of_view("second").label == "mean, second"
    with pytest.raises(KeyError):
        named.of_view("third")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"views": {"v": view(arrays={"seeen": "made"})}}, "no parameter seeen"),
        ({"views": {"v": view(options={"summry": spread})}}, "no parameter summry"),
        ({"options": {"summry": spread}}, "no parameter summry"),
        ({"views": {"top.20": view()}}, "'top.20'"),
        ({"views": {"": view()}}, "''"),
        ({"views": {"v": view()}, "default": "w"}, "default view 'w'"),
        ({"score": lambda **arrays: 0.0}, "a name of its own"),
    ],
)
def test_a_card_that_does_not_fit_its_function_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        card(**changes)
