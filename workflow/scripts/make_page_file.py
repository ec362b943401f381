from bench.jobs.request import request

request(
    snakemake.rule,
    key=snakemake.params.key,
    inputs=dict(snakemake.input.items()),
    table=snakemake.output.table,
    log=snakemake.log[0],
)
