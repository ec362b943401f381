from bench.jobs import mirror

mirror(
    tracker=snakemake.params.tracker,
    written=snakemake.output[0],
    log=snakemake.log[0],
)
