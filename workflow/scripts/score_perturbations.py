from bench.jobs.score_perturbations import score_perturbations

score_perturbations(
    key=snakemake.params.key,
    problem=snakemake.input.problem,
    readouts=snakemake.input.readouts,
    scores=snakemake.output[0],
    log=snakemake.log[0],
)
