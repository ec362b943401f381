from bench.jobs.request import request

request(
    snakemake.rule,
    tracker=snakemake.params.tracker,
    written=snakemake.output[0],
    log=snakemake.log[0],
)
