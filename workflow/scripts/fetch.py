from bench.jobs.fetch import fetch

fetch(
    dataset=snakemake.params.dataset,
    done=snakemake.output[0],
    log=snakemake.log[0],
)
