from bench.jobs.request import request

request(
    snakemake.rule,
    run=snakemake.params.run,
    problem=snakemake.input.problem,
    record=snakemake.output[0],
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
