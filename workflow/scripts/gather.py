from bench.jobs import gather

gather(
    plan=snakemake.config["plan"],
    scores=snakemake.output[0],
    root=snakemake.params.root,
    log=snakemake.log[0],
)
