from bench.jobs.report import report

report(
    page=snakemake.output.page,
    page_files=snakemake.params.page_files,
    key=snakemake.params.key,
    log=snakemake.log[0],
)
