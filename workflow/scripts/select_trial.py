from bench.jobs.request import request

request(
    snakemake.rule,
    search=snakemake.params.search,
    splits=snakemake.params.splits,
    key=snakemake.params.key,
    study=snakemake.params.study,
    trials=snakemake.output[0],
    log=snakemake.log[0],
)
