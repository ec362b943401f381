from bench.jobs.report import report

report(
    page=snakemake.output.page,
    drawn=snakemake.params.drawn,
    key=snakemake.params.key,
    log=snakemake.log[0],
)
