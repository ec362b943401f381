from bench.jobs import report

report(
    page=snakemake.output[0],
    drawn=list(snakemake.input.drawn),
    log=snakemake.log[0],
)
