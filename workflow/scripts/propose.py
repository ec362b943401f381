from bench.jobs.request import request

request(
    snakemake.rule,
    search=snakemake.params.search,
    round=int(snakemake.wildcards.round),
    numbers=snakemake.params.numbers,
    splits=snakemake.params.splits,
    key=snakemake.params.key,
    study=snakemake.params.study,
    made=snakemake.output[0],
    log=snakemake.log[0],
)
