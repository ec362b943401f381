"""The weights of scvi-tools under the names of our modules."""

from torch import Tensor

PLACES = (
    ("z_encoder.encoder.fc_layers.Layer ", "inference.z.tower.layers."),
    ("z_encoder.mean_encoder", "inference.z.mean"),
    ("z_encoder.var_encoder", "inference.z.log_variance"),
    ("l_encoder.encoder.fc_layers.Layer ", "inference.library.tower.layers."),
    ("l_encoder.mean_encoder", "inference.library.mean"),
    ("l_encoder.var_encoder", "inference.library.log_variance"),
    ("decoder.px_decoder.fc_layers.Layer ", "generation.tower.layers."),
    ("decoder.px_scale_decoder.0", "generation.share"),
    ("decoder.px_dropout_decoder", "generation.dropout_logit"),
    ("decoder.px_r_decoder", "generation.theta.decoded"),
)
"""How names begin in scvi-tools' ``VAE``, and in our ``scvi``."""


def our_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """scvi-tools' ``VAE`` state under the names of our ``scvi``."""
    ours = renamed(state, PLACES)
    if "px_r" in state:
        theta = state["px_r"]
        ours["generation.theta.log_theta"] = theta[None] if theta.dim() == 1 else theta.T
        # The module holds the unused decoder of theta for each cell all the same.
        ours = {k: v for k, v in ours.items() if not k.startswith("generation.theta.decoded")}
    return ours


def renamed(state: dict[str, Tensor], places: tuple[tuple[str, str], ...]) -> dict[str, Tensor]:
    """What of a state begins as one of the places says, under its other beginning."""
    names = {name: _renamed(name, places) for name in state}
    return {names[name]: value for name, value in state.items() if names[name]}


def _renamed(name: str, places: tuple[tuple[str, str], ...]) -> str:
    """One name, empty for what ours has no place for."""
    for theirs, mine in places:
        if name.startswith(theirs):
            rest = name.removeprefix(theirs)
            if theirs.endswith("Layer "):
                number, part, *field = rest.split(".")
                rest = ".".join([number, {"0": "linear", "1": "norm"}[part], *field])
            return mine + rest
    return ""
