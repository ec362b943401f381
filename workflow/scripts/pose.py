from bench.jobs import pose

pose(
    task=snakemake.params.task,
    split=int(snakemake.wildcards.split),
    dataset=snakemake.wildcards.dataset,
    cells=snakemake.input[0],
    problem=snakemake.output[0],
    log=snakemake.log[0],
)
