"""Contracts over every tracker, what a study may get wrong, and that nothing leaves the machine."""

import dataclasses
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench.catalogue import card, names
from bench.core.errors import UserError
from bench.core.tracker import Tracker
from bench.jobs.export_to_tracker import export_to_tracker
from bench.planning.parameters import field_docs, parameters_of
from bench.planning.plan import make_plan
from bench.planning.study import from_config

ROOT = Path(__file__).parents[2]
TRACKERS = names("trackers")
PLAIN: dict[str, Any] = {
    "datasets": ["gamma_poisson"],
    "tasks": ["held_out_cells"],
    "baselines": ["mean"],
    "seeds": 1,
}

OWN = """
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.tracker import Tracker
from bench.trackers._results import finished


@dataclass(frozen=True, kw_only=True)
class Config:
    words: tuple[str, ...] = ("one",)


def mirror(study: Path, folder: Path, config: Config) -> dict[str, Any]:
    return {"study": finished(study).name, "own": folder.name, "words": list(config.words)}


TRACKER = Tracker(
    label="own", config=Config, mirror=mirror, libraries=("not_there_at_all",),
    install="pip install it", reference="a test",
)
"""

MIRROR_ALL = """
import sys
from pathlib import Path
from bench.catalogue import card
for name in sys.argv[2:]:
    tracker = card("trackers", name)
    tracker.mirror(Path(sys.argv[1]), Path(sys.argv[1]) / name, tracker.config())
"""


def told(trackers: Any) -> list[str]:
    """What a study with these trackers is told."""
    return [str(f) for f in from_config({**PLAIN, "trackers": trackers}, "mine").findings]


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A user's own tracker, for which something is missing."""
    path = tmp_path / "diary.py"
    path.write_text(OWN)
    return str(path)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_card_is_complete(name: str) -> None:
    tracker = card("trackers", name)
    assert isinstance(tracker, Tracker)
    assert tracker.label
    assert tracker.reference
    assert tracker.missing() == []


@pytest.mark.parametrize("name", TRACKERS)
def test_a_configuration_is_frozen_and_says_everything(name: str) -> None:
    config = card("trackers", name).config
    assert dataclasses.is_dataclass(config)
    assert config.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert all(field.kw_only for field in dataclasses.fields(config))
    assert {*field_docs(config)} == {*parameters_of(config)}
    assert not any(parameter.required for parameter in parameters_of(config).values())


def test_there_are_both() -> None:
    assert {"wandb", "mlflow"} <= {*TRACKERS}


def test_planning_and_cards_import_no_library() -> None:
    libraries = sorted({lib for name in TRACKERS for lib in card("trackers", name).libraries})
    code = (
        "import sys; from bench.planning.plan import make_plan;"
        "from bench.planning.study import from_config;"
        f"plan = make_plan(from_config({PLAIN | {'trackers': TRACKERS}!r}, 'mine'));"
        f"assert len(plan.trackers) == {len(TRACKERS)};"
        f"print(*sorted(set({libraries}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_plan_says_what_each_job_needs() -> None:
    trackers = ["wandb", {"ours": {"tracker": "mlflow", "experiment": "all"}}]
    plan = make_plan(from_config({**PLAIN, "trackers": trackers}, "mine"))
    assert {label: row["tracker"] for label, row in plan.trackers.items()} == {
        "wandb": "wandb",
        "ours": "mlflow",
    }
    assert plan.trackers["wandb"]["config"]["mode"] == "offline"
    assert plan.trackers["ours"]["config"] == {"tracking_uri": "", "experiment": "all"}
    assert plan.trackers["ours"]["code"] != plan.trackers["wandb"]["code"]
    again = make_plan(from_config({**PLAIN, "trackers": plan.resolved["trackers"]}, "mine"))
    assert again.trackers == plan.trackers


def test_training_does_not_know_of_trackers() -> None:
    without, with_them = (
        make_plan(from_config({**PLAIN, "trackers": trackers}, "mine"))
        for trackers in ([], ["wandb"])
    )
    assert without.trackers == {}
    assert without.runs == with_them.runs
    assert (without.tasks, without.datasets) == (with_them.tasks, with_them.datasets)


@pytest.mark.parametrize(
    ("trackers", "expected"),
    [
        (
            ["wandbb"],
            "trackers.wandbb is 'wandbb': nothing on this shelf has that name; did you mean wandb?",
        ),
        ([{"wandb": {"projct": "x"}}], "trackers.wandb.projct: unknown; did you mean project?"),
        ([{"wandb": {"mode": "shared"}}], "trackers.wandb.mode is 'shared': "),
        (
            [{"mine": {"project": "x"}}],
            "nothing on this shelf has that name; there are: mlflow, wandb",
        ),
        (["wandb", {"Wandb": {"tracker": "wandb"}}], "duplicate label"),
        ([{"wandb": 3}], "expected parameters"),
        ("wandb", "trackers is 'wandb': expected: List of names"),
        (["./nowhere.py"], "no such file"),
    ],
)
def test_a_mistake_is_told(trackers: Any, expected: str) -> None:
    [said] = told(trackers)
    assert expected in said


def test_a_misspelt_section_is_told() -> None:
    [said] = from_config({**PLAIN, "tracker": ["wandb"]}, "mine").findings
    assert str(said) == "tracker: unknown; did you mean trackers?"


def test_a_library_that_is_not_installed_is_told_when_planning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = {"mlflow", "sqlalchemy"}
    monkeypatch.setattr(
        "bench.core.tracker.find_spec", lambda name: None if name in absent else find_spec(name)
    )
    assert told(["wandb"]) == []
    expected = (
        "trackers.mlflow: needs packages that are not installed: mlflow, sqlalchemy; "
        "pip install -e '.[trackers]'"
    )
    assert told(["wandb", "mlflow"]) == [expected]
    with pytest.raises(UserError, match="One problem"):
        make_plan(from_config({**PLAIN, "trackers": ["mlflow"]}, "mine"))


def test_a_folder_of_a_librarys_name_is_not_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as ``./wandb``, which W&B leaves wherever it is used."""
    (tmp_path / "left_behind").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_spec("left_behind") is not None
    tracker = dataclasses.replace(card("trackers", "wandb"), libraries=("left_behind", "json"))
    assert tracker.missing() == ["left_behind"]


def test_a_tracker_of_the_users_own(own: str) -> None:
    assert told([own]) == [
        "trackers.diary: needs packages that are not installed: not_there_at_all; pip install it"
    ]
    Path(own).write_text(OWN.replace("not_there_at_all", "json"))
    diaries = [{"diary": {"tracker": own, "words": ["a", "b"]}}]
    plan = make_plan(from_config({**PLAIN, "trackers": diaries}, "mine"))
    assert plan.trackers["diary"]["config"] == {"words": ["a", "b"]}


def test_the_job_writes_what_went_where(own: str, new_study: Callable[..., Path]) -> None:
    study = new_study()
    export_to_tracker(
        {"tracker": own, "config": {"words": ("a",)}}, str(study / "trackers" / "v.2.json")
    )
    written = (study / "trackers" / "v.2.json").read_text()
    assert '"own": "v.2"' in written
    assert '"study": "made_up"' in written


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """An address that notes whoever calls, and says nothing."""
    calls: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    calls.append(caller.recv(200))

        Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", calls
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_by_default_nothing_leaves_the_machine(
    new_study: Callable[..., Path], listener: tuple[str, list[bytes]]
) -> None:
    """Whatever speaks HTTP goes through a proxy that notes it; nothing may come."""
    address, calls = listener
    # Some libraries keep quiet by themselves where they find themselves tested.
    quiet = {"PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "GITLAB_CI", "DO_NOT_TRACK", "NO_PROXY"}
    kept = {k: v for k, v in os.environ.items() if k.upper() not in quiet}
    proxies = {f"{kind}_PROXY": address for kind in ("HTTP", "HTTPS", "ALL")}
    proxies |= {name.lower(): value for name, value in proxies.items()}
    environment = {**kept, **proxies, "WANDB_BASE_URL": address}
    done = subprocess.run(
        [sys.executable, "-c", MIRROR_ALL, str(new_study()), *TRACKERS],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert calls == []
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as caller:
        caller.sendall(b"is somebody there?")
        assert caller.recv(1) == b""
    assert calls == [b"is somebody there?"]
