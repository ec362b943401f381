from bench.jobs.check_failures import check_failures

check_failures(
    runs=snakemake.input.runs,
    record=snakemake.output[0],
    log=snakemake.log[0],
)
