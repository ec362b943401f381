"""The guide for a new VAE: its example runs, and what it says of the code is there."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from bench import catalogue
from bench.__main__ import main
from bench.core.ledger import LossTerms, elbo
from bench.core.problem import TRAIN
from bench.core.variant import DataFacts, Variant
from bench.parts.nn.latents import log_standard_normal
from bench.planning.plan import make_plan
from bench.planning.study import load_study
from bench.training.cells import facts_of, on_device
from bench.training.check_model import check_model
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.randomness import draw_one
from tests.conftest import posed
from tests.test_documentation import ROOT, fenced
from tests.training.test_check_model import FAULTS, told

PAGE = "docs/your_model.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf8")
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example as a file outside the repository."""
    (source,) = fenced(PAGE, "python")
    path = tmp_path_factory.mktemp("guide") / "mixture_vae.py"
    path.write_text(source, encoding="utf8")
    return path


@pytest.fixture(scope="module")
def variant(file: Path) -> Variant:
    return catalogue.card("models", str(file))


@pytest.fixture(scope="module")
def problem(small_data):
    """Masked entries of a small gamma-Poisson dataset."""
    return posed(small_data, "masked_entries")


def test_the_page_is_short(file: Path) -> None:
    assert len(TEXT.splitlines()) <= 150
    assert 60 <= len(file.read_text(encoding="utf8").splitlines()) <= 90


def test_the_example_keeps_the_style(file: Path) -> None:
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    for command in (["check"], ["format", "--check"]):
        options = ["--no-cache", "--config", str(ROOT / "pyproject.toml"), str(file)]
        done = subprocess.run([*ruff, *command, *options], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_has_no_findings(variant: Variant, file: Path) -> None:
    assert check_model(variant, variant.config(), file).findings == []


def test_the_example_trains(variant: Variant, problem) -> None:
    config = variant.config(n_latent=2, n_components=3, n_hidden=8)
    settings = TrainingConfig(max_epochs=2, batch_size=16)
    result = train(problem, variant, config, settings, [0, 1], CPU, lambda epoch, going: None)
    assert len(result.replicates) == 2
    for replicate in result.replicates:
        assert not replicate.diverged
        assert np.isfinite(replicate.best_bound)
        assert replicate.best_bound < 0


def test_its_weights_are_its_ledger_at_every_draw(variant: Variant, problem) -> None:
    facts = facts_of(problem)
    module = variant.build(facts, variant.config())
    cells = on_device(problem, variant, CPU).minibatch(torch.from_numpy(problem.rows(TRAIN)))
    noise = draw_one(module.noise(facts.n_train), 1, torch.Generator().manual_seed(0))
    terms = module(cells, {name: value[0] for name, value in noise.items()})
    torch.testing.assert_close(terms.log_weight, elbo(terms), rtol=1e-5, atol=1e-4)


def test_one_standard_component_is_the_standard_normal(variant: Variant, problem) -> None:
    """One elsewhere is N(m, s), as torch.distributions has it."""
    z = 2 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    module = variant.build(facts_of(problem), variant.config(n_latent=3, n_components=1))
    with torch.no_grad():
        module.mean.zero_()
        torch.testing.assert_close(module.log_prior(z), log_standard_normal(z), rtol=0, atol=1e-5)
        module.mean.fill_(0.5)
        module.log_scale.fill_(-0.3)
        elsewhere = torch.distributions.Normal(module.mean, module.log_scale.exp())
        expected = elsewhere.log_prob(z).sum(-1)
        torch.testing.assert_close(module.log_prior(z), expected, rtol=0, atol=1e-4)


def test_its_prior_is_a_mixture(variant: Variant, problem) -> None:
    module = variant.build(facts_of(problem), variant.config(n_latent=2, n_components=4))
    law = torch.distributions
    z = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        module.logits.copy_(torch.tensor([0.0, 1.0, -1.0, 2.0]))
        components = law.Independent(law.Normal(module.mean, module.log_scale.exp()), 1)
        mixture = law.MixtureSameFamily(law.Categorical(logits=module.logits), components)
        torch.testing.assert_close(module.log_prior(z), mixture.log_prob(z), rtol=0, atol=1e-4)


def test_the_study_names_the_file_that_new_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "variant", "my_vae"]) == 0
    (study,) = fenced(PAGE, "yaml")
    Path("mine.yaml").write_text(study)
    plan = make_plan(load_study(Path("mine.yaml")))
    runs = {row["run"] for row in plan.runs}
    assert {"mine.n_latent-5", "mine.n_latent-10", "nbvae"} <= runs
    assert {left["run"] for left in plan.skipped} == {"oracle"}


def test_every_fact_and_every_part_of_card_and_ledger_is_named() -> None:
    wanted = [field.name for kind in (DataFacts, Variant) for field in fields(kind)]
    for name in {*wanted, *LossTerms._fields} - {"label"}:
        assert re.search(rf"`{name}`|\b{name}=", TEXT), name


def test_the_messages_are_those_of_the_check() -> None:
    source = (ROOT / "bench/training/check_model.py").read_text(encoding="utf8")
    table = TEXT[TEXT.index("## What `check-model` finds") :]
    said = [m for row in table.splitlines()[4:] for m in re.findall(r"`(\w[^`]+ [^`]+)`", row)]
    assert len(said) > 10
    for message in said:
        if not message.startswith("raises RuntimeError"):
            assert message in source, message


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("no z", "no latent has the name z"),
        ("no reconstruction", "no local term has the name reconstruction"),
        ("draws for itself", "the same noise gave two different results"),
        ("mask ignored by the likelihood", "that are not observed"),
        ("weight without its KL", "its mean differs from the ledger by"),
        ("parameter without gradient", "the loss does not depend on them"),
    ],
)
def test_the_page_has_the_message_of_a_fault(tmp_path: Path, fault: str, message: str) -> None:
    old, new, _ = FAULTS[fault]
    assert f"`{message}`" in TEXT
    assert any(message in one for one in told(tmp_path, old, new))
