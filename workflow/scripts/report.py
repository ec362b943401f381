from bench.jobs import report

report(
    page=snakemake.output[0],
    projections=list(snakemake.input.projections),
    log=snakemake.log[0],
)
