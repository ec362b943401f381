from bench.jobs.request import request

request(
    snakemake.rule,
    dataset=snakemake.params.dataset,
    done=snakemake.output[0],
    log=snakemake.log[0],
)
