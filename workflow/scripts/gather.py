from bench.jobs.request import request

request(
    snakemake.rule,
    plan=snakemake.config["plan"],
    scores=snakemake.output[0],
    key=snakemake.params.key,
    root=snakemake.params.root,
    log=snakemake.log[0],
)
