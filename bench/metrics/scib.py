"""The scores of scIB, as scib-metrics computes them: biology conserved and batches mixed.

    total = 0.6 bio + 0.4 batch
    bio   = mean(isolated labels, NMI, ARI, silhouette of labels, cLISI)
    batch = mean(BRAS, iLISI, kBET, graph connectivity, PCR comparison)

The means are over the scores that apply.  Every score lies in [0, 1], but ARI, which chance leaves
below 0 as often as above it.  Higher means that types are kept apart (bio), that batches are mixed
(batch), or both (total).  Neighbours are exact, see ``parts.scoring.scib``.
"""

from collections.abc import Callable
from operator import attrgetter

from bench.core.metric import Metric, View
from bench.parts.scoring.scib import ScibScores

LUECKEN = "Luecken et al. 2022, doi:10.1038/s41592-021-01336-8; scib-metrics"
BUETTNER = f"Büttner et al. 2019, doi:10.1038/s41592-018-0254-1; {LUECKEN}"
DISTANCES = "It is blind to neighbourhoods: it sees mean distances only."
ONE_START = "It is blind to the luck of a single start of k-means, so it is less stable than `{}`."


def score(*, scib: ScibScores, part: Callable[[ScibScores], float]) -> float:
    return part(scib)


METRIC = Metric(
    label="scIB",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share",
    family="batch integration",
    reference=LUECKEN,
    default="total",
    views={
        "total": View(
            label="total",
            description="0.6 bio + 0.4 batch. The weights are the authors' choice.",
            options={"part": attrgetter("total")},
            bounds=(-0.06, 1.0),
            blind_to="It is blind to what was traded for what: look at `scib.bio` and `scib.batch` "
            "as well.",
        ),
        "bio": View(
            label="biology",
            description="The mean of isolated labels, NMI, ARI, silhouette of labels and cLISI.",
            options={"part": attrgetter("bio")},
            bounds=(-0.1, 1.0),
            blind_to="It is blind to batches. It is blind to how differently the five scores vary: "
            "NMI and ARI dominate it, silhouettes hardly move it.",
        ),
        "batch": View(
            label="batches",
            description="The mean of BRAS, iLISI, kBET, graph connectivity and PCR comparison, of "
            "those that apply.",
            options={"part": attrgetter("batch")},
            blind_to="It is mostly blind to biology: mixing every cell with every other raises "
            "four of the five scores.",
        ),
        "isolated_labels": View(
            label="isolated labels",
            description="Mean of (s + 1) / 2 over the types that occur in the fewest batches, with "
            "s the mean silhouette of the type's cells.",
            options={"part": attrgetter("isolated_labels")},
            blind_to="It is blind to all types but the isolated ones. Where every type occurs in "
            "every batch, all are isolated and it equals a silhouette of types.",
        ),
        "nmi_kmeans": View(
            label="NMI",
            description="Normalised mutual information of types and k-means clusters, "
            "2 I / (H(clusters) + H(types)), from one start of k-means.",
            options={"part": attrgetter("nmi_kmeans")},
            blind_to=ONE_START.format("kmeans.nmi"),
        ),
        "ari_kmeans": View(
            label="ARI",
            description="Adjusted Rand index of types and k-means clusters, from one start of "
            "k-means.",
            options={"part": attrgetter("ari_kmeans")},
            bounds=(-0.5, 1.0),
            blind_to=ONE_START.format("kmeans.ari"),
        ),
        "silhouette_label": View(
            label="silhouette of labels",
            description="Mean over cells of (s_i + 1) / 2, with s_i the Euclidean silhouette of "
            "types. Chance gives one half; separated types of uneven shape seldom pass 0.7.",
            options={"part": attrgetter("silhouette_label")},
            blind_to=f"{DISTANCES} It varies little: most latents lie between 0.5 and 0.7.",
        ),
        "clisi": View(
            label="cLISI",
            description="(C − median over cells of LISI_i) / (C − 1) for C types, with LISI_i the "
            "effective number of types among 90 neighbours of cell i, the cell itself among them, "
            "weighed by distance at perplexity 30.",
            options={"part": attrgetter("clisi")},
            blind_to="It is blind to small differences: it is close to 1 for almost any latent "
            "that keeps types apart.",
        ),
        "bras": View(
            label="BRAS",
            description="Batch-removal adapted silhouette: mean over types of the mean over cells "
            "of 1 − |s_i|, with s_i the cosine silhouette of batches. The distance to other "
            "batches is the mean over all of them, so one well-mixed pair cannot hide the others. "
            "Types of one batch are left out.",
            options={"part": attrgetter("bras")},
            reference="Rautenstrauch and Ohler 2025, doi:10.1038/s41587-025-02743-4; scib-metrics",
            blind_to=f"{DISTANCES} Local mixing does not show.",
        ),
        "ilisi": View(
            label="iLISI",
            description="(median over cells of LISI_i − 1) / (B − 1) for B batches, with LISI_i "
            "the effective number of batches among 90 neighbours of cell i, the cell itself among "
            "them, weighed by distance at perplexity 30. Batches of unequal size cannot reach 1.",
            options={"part": attrgetter("ilisi")},
            blind_to="It is blind to biology: mixing types raises it. It is blind to half of the "
            "cells, because it is a median.",
        ),
        "kbet": View(
            label="kBET",
            description="Mean over types of the share of cells whose chi-squared test of the "
            "batches in its neighbourhood against those of its type has p ≥ 0.05. Neighbours are "
            "taken within the type by diffusion distance; types of fewer than ten cells or of one "
            "batch are left out.",
            options={"part": attrgetter("kbet")},
            reference=BUETTNER,
            blind_to="It is blind to degrees: a small batch effect fails every test of a large "
            "type. The package finds eigenvectors from a random start, so the score changes by "
            "about one cell from call to call.",
        ),
        "graph_connectivity": View(
            label="graph connectivity",
            description="Mean over types of the share of the type's cells in its largest strongly "
            "connected component of the graph of 15 neighbours, the cell itself among them.",
            options={"part": attrgetter("graph_connectivity")},
            blind_to="It is blind to everything but types that fall apart: most latents score "
            "near 1.",
        ),
        "pcr": View(
            label="PCR comparison",
            description="max(0, (R_before − R_after) / R_before), with R = Σ_k v_k R²_k / Σ_k v_k: "
            "R²_k is that of a regression of component k on batches, v_k the component's variance; "
            "before is the PCA of log counts.",
            options={"part": attrgetter("pcr")},
            reference=BUETTNER,
            blind_to="It is blind to everything but the means of the batches.",
        ),
    },
)
