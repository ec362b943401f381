from bench.jobs.request import request

request(
    snakemake.rule,
    task=snakemake.params.task,
    split=int(snakemake.wildcards.split),
    dataset=snakemake.wildcards.dataset,
    cells=snakemake.input.cells,
    problem=snakemake.output.problem,
    log=snakemake.log[0],
)
