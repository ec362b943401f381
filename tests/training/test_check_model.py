"""What the check of a model finds, and that it accuses none of the shelf."""

from pathlib import Path

import pytest

from bench import catalogue
from bench.__main__ import main
from bench.training.check_model import Checked, check_model

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
        "law.log_likelihood(cells)",
        'law.log_prob(cells["counts"]).sum(-1)',
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
    "ends the process": (DROPPED, "raise SystemExit(0)", "forward: raises SystemExit: 0"),
    "ends the process when it is built": (
        "super().__init__()",
        "super().__init__(); raise SystemExit(0)",
        "build: raises SystemExit: 0",
    ),
    "ends the process in evaluation": (
        DROPPED,
        f"{DROPPED}\n        if not self.training:\n            raise SystemExit(0)",
        "forward: raises SystemExit: 0",
    ),
    "no ledger": ("return LossTerms.of(", "return dict(", "forward is 'dict': expected LossTerms"),
    "a term is a number": (
        '"reconstruction": -log_likelihood,',
        '"reconstruction": -log_likelihood, "prior": 1.0,',
        "local: prior is 'float': expected a tensor of shape (72,)",
    ),
}


def told(tmp_path: Path, old: str, new: str) -> list[str]:
    assert old in TEMPLATE
    path = tmp_path / "my_vae.py"
    path.write_text(TEMPLATE.replace(old, new))
    return [str(finding) for finding in checked(str(path)).findings]


def checked(name: str) -> Checked:
    """The check of a variant with its defaults, by its name or its file."""
    variant = catalogue.card("models", name)
    return check_model(variant, variant.config(), catalogue.file_of("models", name))


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
    places = [finding.place for finding in checked(str(path)).findings]
    assert places[:2] == ["infer", "forward"] or {"infer", "forward: local"} <= set(places)


def test_an_exception_is_told_with_the_line_of_the_authors_file(tmp_path: Path) -> None:
    """Also where the exception arises in another file that the author's calls."""
    line = TEMPLATE[: TEMPLATE.index(DROPPED)].count("\n") + 1
    (raised,) = told(tmp_path, DROPPED, 'raise RuntimeError("not today")')
    assert raised == f"forward: raises RuntimeError: not today (my_vae.py, line {line})"
    (called,) = told(tmp_path, DROPPED, f'{DROPPED[:-12]}(noise["z"], 3)')
    assert "forward: raises TypeError" in called
    assert called.endswith(f"(my_vae.py, line {line})")
    (within,) = told(tmp_path, DROPPED, "z = q.at(torch.zeros(3, 5))")
    assert within.endswith(f"(my_vae.py, line {line})")


@pytest.mark.parametrize("factor", ["float('nan')", "float('inf')"])
def test_a_loss_that_is_not_finite_is_told_and_nothing_else(tmp_path: Path, factor: str) -> None:
    """A NaN equals nothing, itself included: ledgers with one cannot be compared."""
    found = told(tmp_path, "likelihood(cells)\n", f"likelihood(cells) * {factor}\n")
    assert {one.partition(": is ")[2] for one in found} == {"not finite for some example cells"}
    assert [one.partition(": is ")[0] for one in found] == [
        "forward: local: reconstruction",
        "forward: log_weight",
    ]


def test_no_variant_of_the_shelf_is_accused() -> None:
    found = {}
    for name in catalogue.names("models"):
        result = checked(name)
        found[name] = [str(finding) for finding in result.findings]
        assert result.n_parameters > 0
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
    capsys.readouterr()
    assert main(["new", "variant", "scvi"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "One problem:",
        "  - name is 'scvi': a variant with this name is already in bench/models; "
        "choose another name, as in my_scvi",
    ]
    assert not Path("scvi.py").exists()
    Path("my_vae.py").write_text(TEMPLATE.replace('"reconstruction"', '"recon"'))
    assert main(["check-model", "my_vae.py"]) == 2
    said = capsys.readouterr().err
    assert "no local term has the name reconstruction" in said
    assert "Traceback" not in said


def test_a_model_that_ends_the_process_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my_vae.py"
    path.write_text(TEMPLATE.replace(DROPPED, "import sys; sys.exit(0)"))
    assert main(["check-model", str(path)]) == 2
    shown = capsys.readouterr()
    assert "forward: raises SystemExit: 0 (my_vae.py, line" in shown.err
    assert not shown.out
