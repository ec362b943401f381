from bench.jobs.read_out_trial import read_out_trial

read_out_trial(
    run=snakemake.params.run,
    problem=snakemake.input.problem,
    record=snakemake.output[0],
    log=snakemake.log[0],
    threads=snakemake.threads,
    minutes=snakemake.resources.runtime,
)
