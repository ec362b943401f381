from bench.jobs import score_perturbations

score_perturbations(
    problem=snakemake.input.problem,
    scores=snakemake.output[0],
    log=snakemake.log[0],
)
