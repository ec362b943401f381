from bench.jobs import judge

judge(
    verdict=snakemake.output[0],
    log=snakemake.log[0],
)
