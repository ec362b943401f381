from bench.jobs import read_out

read_out(
    run=snakemake.params.run,
    problem=snakemake.input.problem,
    status=snakemake.output.read,
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
