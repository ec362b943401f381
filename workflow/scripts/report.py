from bench.jobs.request import request

request(
    snakemake.rule,
    page=snakemake.output.page,
    page_files=snakemake.params.page_files,
    key=snakemake.params.key,
    log=snakemake.log[0],
)
