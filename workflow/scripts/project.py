from bench.jobs.project import project

project(
    key=snakemake.params.key,
    problem=snakemake.input.problem,
    cells=snakemake.input.cells,
    readouts=snakemake.input.readouts,
    projection=snakemake.output[0],
    log=snakemake.log[0],
)
