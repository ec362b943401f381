from bench.jobs.make_problem import make_problem

make_problem(
    task=snakemake.params.task,
    split=int(snakemake.wildcards.split),
    dataset=snakemake.wildcards.dataset,
    cells=snakemake.input.cells,
    problem=snakemake.output.problem,
    log=snakemake.log[0],
)
