from bench.jobs import gather

gather(
    plan=snakemake.params.plan,
    scores=snakemake.output[0],
    root=snakemake.params.root,
    log=snakemake.log[0],
)
