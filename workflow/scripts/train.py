from bench.jobs import train

train(
    run=snakemake.params.run,
    problem=snakemake.input[0],
    status=snakemake.output.status,
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
