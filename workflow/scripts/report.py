from bench.jobs import report

report(
    page=snakemake.output[0],
    log=snakemake.log[0],
)
