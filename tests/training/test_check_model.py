"""What the check of a model finds, and that it accuses none of the shelf."""

from pathlib import Path

import pytest

from bench import catalogue
from bench.__main__ import main
from bench.training.check_model import check_model

TEMPLATE = (catalogue.ROOT / "models" / "_template.py").read_text()
DROPPED = 'z = q.at(noise["z"])'

FAULTS = {
    # fault: (text of the template, what stands there instead, words of the finding)
    "no z": (
        '{"z": Gaussian',
        '{"latent": Gaussian',
        "infer is ['latent']: no latent has the name z",
    ),
    "posterior is no mapping": (
        'return {"z": Gaussian(mean, log_sd.exp())}',
        "return Gaussian(mean, log_sd.exp())",
        "expected a mapping from names of latents",
    ),
    "no reconstruction": ('"reconstruction"', '"likelihood"', "no local term has the name recon"),
    "draws for itself": (
        DROPPED,
        "z = q.at(torch.randn_like(q.mean))",
        "forward uses a global generator",
    ),
    "drops out for itself": (
        DROPPED,
        f"{DROPPED}\n        z = torch.nn.functional.dropout(z, 0.5, self.training)",
        "forward uses a global generator",
    ),
    "mask ignored by the likelihood": (
        '(cells["observed"] * law.log_prob(seen_counts(cells)))',
        'law.log_prob(cells["counts"])',
        "depend on counts that are not observed",
    ),
    "mask ignored by the encoder": (
        "self.encoder(seen_counts(cells).log1p())",
        'self.encoder(cells["counts"].log1p())',
        "depend on counts that are not observed",
    ),
    "weight without its KL": (
        "log_weight=log_likelihood + prior.log_prob(z) - q.log_prob(z)",
        "log_weight=log_likelihood",
        "log_weight: its mean differs from the ledger by +",
    ),
    "parameter without gradient": (
        "self.log_theta = nn.Parameter(torch.zeros(n_genes))",
        "self.log_theta = nn.Parameter(torch.zeros(n_genes)); self.idle = nn.Linear(2, 3)",
        "parameters is ['idle.weight', 'idle.bias']: the loss does not depend on them",
    ),
    "detached": ("log_weight=log_likelihood", "log_weight=log_likelihood.detach()", ""),
    "no gradient at all": (
        '"reconstruction": -log_likelihood, "kl_z": q.kl_to_standard()',
        '"reconstruction": -log_likelihood.detach()',
        "the loss has no gradient",
    ),
    "sum over cells": (
        '"reconstruction": -log_likelihood,',
        '"reconstruction": -log_likelihood.sum(),',
        "local: reconstruction is (): expected a tensor of shape (72,)",
    ),
    "noise of no cell": (
        "Noise((n_cells, self.n_latent))",
        "Noise((7, self.n_latent))",
        "expected 72 (the cells of the minibatch) on the first axis",
    ),
    "a value is looked at": (
        DROPPED,
        f"{DROPPED}\n        z = z if z.mean().item() > -9 else -z",
        "torch.vmap cannot stack it",
    ),
    "raises": (
        DROPPED,
        'raise RuntimeError("not today")',
        "forward: raises RuntimeError: not today",
    ),
    "cannot be built": ("super().__init__()", "super().__init__(3)", "build: raises TypeError"),
    "not finite": ("-log_likelihood,", "-log_likelihood / 0,", "is not finite"),
}


def told(tmp_path: Path, old: str, new: str) -> list[str]:
    assert old in TEMPLATE
    path = tmp_path / "my_vae.py"
    path.write_text(TEMPLATE.replace(old, new))
    variant = catalogue.card("models", str(path))
    return [str(finding) for finding in check_model(variant, variant.config()).findings]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told_in_the_authors_terms(tmp_path: Path, fault: str) -> None:
    old, new, words = FAULTS[fault]
    found = told(tmp_path, old, new)
    if words:
        assert any(words in one for one in found), found
    else:
        assert not found


def test_several_faults_are_told_at_once(tmp_path: Path) -> None:
    text = TEMPLATE.replace('{"z": Gaussian', '{"latent": Gaussian')
    path = tmp_path / "my_vae.py"
    path.write_text(text.replace('"reconstruction"', '"recon"'))
    variant = catalogue.card("models", str(path))
    places = [finding.place for finding in check_model(variant, variant.config()).findings]
    assert places[:2] == ["infer", "forward"] or {"infer", "forward: local"} <= set(places)


def test_no_variant_of_the_shelf_is_accused() -> None:
    found = {}
    for name in catalogue.names("models"):
        variant = catalogue.card("models", name)
        checked = check_model(variant, variant.config())
        found[name] = [str(finding) for finding in checked.findings]
        assert checked.n_parameters > 0
    assert not {name: told for name, told in found.items() if told}


def test_a_new_variant_runs_and_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "variant", "my_vae"]) == 0
    assert main(["check-model", "my_vae.py"]) == 0
    shown = capsys.readouterr().out
    assert "my_vae.py: no problems found" in shown
    assert "class MyVae(nn.Module)" in Path("my_vae.py").read_text()
    assert main(["new", "variant", "my_vae"]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["new", "variant", "My VAE"]) == 2
    Path("my_vae.py").write_text(TEMPLATE.replace('"reconstruction"', '"recon"'))
    assert main(["check-model", "my_vae.py"]) == 2
    said = capsys.readouterr().err
    assert "no local term has the name reconstruction" in said
    assert "Traceback" not in said
