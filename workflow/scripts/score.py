from bench.jobs import score

score(
    run=snakemake.params.run,
    problem=snakemake.input.problem,
    scores=snakemake.output[0],
    log=snakemake.log[0],
)
