from bench.jobs import project

project(
    problem=snakemake.input.problem,
    cells=snakemake.input.cells,
    projection=snakemake.output[0],
    log=snakemake.log[0],
)
