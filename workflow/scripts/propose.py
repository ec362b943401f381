from bench.jobs import propose

propose(
    search=snakemake.params.search,
    round=int(snakemake.wildcards.round),
    numbers=snakemake.params.numbers,
    splits=snakemake.params.splits,
    made=snakemake.output[0],
    log=snakemake.log[0],
)
