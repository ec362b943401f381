from bench.jobs import fit_baseline

fit_baseline(
    run=snakemake.params.run,
    problem=snakemake.input[0],
    status=snakemake.output.status,
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
