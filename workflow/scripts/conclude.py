from bench.jobs import conclude

conclude(
    search=snakemake.params.search,
    splits=snakemake.params.splits,
    trials=snakemake.output[0],
    log=snakemake.log[0],
)
