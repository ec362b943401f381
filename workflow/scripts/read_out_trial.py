from bench.jobs import read_out_trial

read_out_trial(
    run=snakemake.params.run,
    problem=snakemake.input.problem,
    status=snakemake.output.read,
    validation=snakemake.output.validation,
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
