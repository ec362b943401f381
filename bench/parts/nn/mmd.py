"""Maximum mean discrepancy between groups of points, for any number of groups in a minibatch.

    k(a, b)   = sum over bandwidths s of exp(-|a - b|^2 / s)
    biased    = mean k(X, X') + mean k(Y, Y') - 2 mean k(X, Y)      diagonal included
                (Gretton et al. 2012, JMLR 13:723, equation 5)
    unbiased  = the same without the diagonals                      (equation 3; may be negative)
    fast      = mean over i <= m/2 of k(x_i, x_i') + k(y_i, y_i') - k(x_i, y_i') - k(x_i', y_i),
                i' = i + m/2, m the smaller size rounded down to even
                (Lemma 14; unbiased, linear cost)

Shapes depend only on the minibatch and the number of groups, as ``vmap`` requires: every pair with
a group of fewer than two points has the value zero.
"""

from typing import Literal

import torch
from torch import Tensor

Estimator = Literal["normal", "unbiased", "fast"]
Pairs = Literal["sequential", "all", "pooled"]


def kernel(squared: Tensor, bandwidths: Tensor) -> Tensor:
    """Sum over bandwidths of exp(-squared distance / bandwidth); any shape."""
    return torch.exp(-squared[..., None] / bandwidths).sum(-1)


def membership(group: Tensor, n_groups: int) -> Tensor:
    """(point, group) one for the group of a point; codes outside 0..n_groups-1 have no group."""
    return (group[:, None] == torch.arange(n_groups, device=group.device)).to(
        torch.get_default_dtype()
    )


def squared_distances(points: Tensor) -> Tensor:
    """(point, point) squared Euclidean distances, never below zero."""
    norm = points.square().sum(-1)
    return (norm[:, None] + norm[None] - 2 * points @ points.T).clamp_min(0)


def block_means(points: Tensor, member: Tensor, bandwidths: Tensor, *, diagonal: bool) -> Tensor:
    """(group, group) mean kernel between groups, optionally without the diagonal within a group."""
    gram = kernel(squared_distances(points), bandwidths)
    if not diagonal:
        gram = gram * (1 - torch.eye(len(gram), dtype=gram.dtype, device=gram.device))
    member = member.to(gram.dtype)
    size = member.sum(0)
    pairs = size[:, None] * size[None] - (0.0 if diagonal else 1.0) * torch.diag(size)
    return (member.T @ gram @ member) / pairs.clamp_min(1)


def quadratic(points: Tensor, member: Tensor, bandwidths: Tensor, *, diagonal: bool) -> Tensor:
    """(group, group) squared MMD of every pair; ``diagonal`` gives the biased estimator."""
    mean = block_means(points, member, bandwidths, diagonal=diagonal)
    own = mean.diagonal()
    return (own[:, None] + own[None] - 2 * mean) * _two_points_each(member)


def linear(points: Tensor, member: Tensor, bandwidths: Tensor) -> Tensor:
    """(group, group) squared MMD of every pair by Lemma 14, at a cost linear in the points."""
    n_groups = member.shape[1]
    size = member.sum(0)
    # Stable sort: the points of a group, in their order, come first.
    order = (-member).argsort(dim=0, stable=True)
    even = 2 * torch.div(torch.minimum(size[:, None], size[None]), 2, rounding_mode="floor")
    index = torch.arange(len(points) // 2, device=points.device)
    half = (even / 2).long()
    second = (index[:, None, None] + half).clamp_max(len(points) - 1)
    used = (index[:, None, None] < half).to(points.dtype)
    rows = torch.arange(n_groups, device=points.device)
    x = points[order[index][:, :, None].expand(-1, -1, n_groups)]
    x_second = points[order[second, rows[:, None].expand(n_groups, n_groups)]]
    y, y_second = x.transpose(1, 2), x_second.transpose(1, 2)

    def k(a: Tensor, b: Tensor) -> Tensor:
        return kernel((a - b).square().sum(-1), bandwidths)

    each = k(x, x_second) + k(y, y_second) - k(x, y_second) - k(x_second, y)
    return (each * used).sum(0) / half.clamp_min(1) * _two_points_each(member)


def _two_points_each(member: Tensor) -> Tensor:
    enough = (member.sum(0) >= 2).to(member.dtype)
    return enough[:, None] * enough[None]


def pairs_in_sequence(member: Tensor) -> Tensor:
    """(group, group) one for each present group and the next present one, in the order of codes."""
    present = (member.sum(0) > 0).to(member.dtype)
    n = len(present)
    rows = torch.arange(n, device=member.device)
    # Groups strictly between a and b that are present.
    between = present.cumsum(0)[None] - present.cumsum(0)[:, None] - present[None]
    later = (rows[None] > rows[:, None]).to(member.dtype)
    return present[:, None] * present[None] * later * (between == 0).to(member.dtype)


def all_pairs(member: Tensor) -> Tensor:
    """(group, group) one for every pair of groups that are present, once."""
    present = (member.sum(0) > 0).to(member.dtype)
    return torch.triu(present[:, None] * present[None], diagonal=1)


def against_the_rest(
    points: Tensor, member: Tensor, bandwidths: Tensor, estimator: Estimator
) -> Tensor:
    """() sum over groups of the MMD between a group and all other points together."""
    total = points.new_zeros(())
    for group in range(member.shape[1]):
        inside = member[:, group : group + 1]
        outside = member.sum(1, keepdim=True) - inside
        both = torch.cat([inside, outside], 1)
        total = total + _estimated(points, both, bandwidths, estimator)[0, 1]
    return total


def mmd_of_batches(
    points: Tensor, member: Tensor, bandwidths: Tensor, estimator: Estimator, pairs: Pairs
) -> Tensor:
    """() sum of squared MMDs over pairs of groups of (point, dimension) latents."""
    if pairs == "pooled":
        return against_the_rest(points, member, bandwidths, estimator)
    compared = all_pairs(member) if pairs == "all" else pairs_in_sequence(member)
    return (compared * _estimated(points, member, bandwidths, estimator)).sum()


def _estimated(points: Tensor, member: Tensor, bandwidths: Tensor, estimator: Estimator) -> Tensor:
    if estimator == "fast":
        return linear(points, member, bandwidths)
    return quadratic(points, member, bandwidths, diagonal=estimator == "normal")
