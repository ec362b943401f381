from bench.jobs.request import request

request(
    snakemake.rule,
    runs=snakemake.input.runs,
    record=snakemake.output[0],
    log=snakemake.log[0],
)
