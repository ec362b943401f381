from bench.jobs.prepare import prepare

prepare(
    dataset=snakemake.params.dataset,
    fetched=snakemake.input.get("fetched") or None,
    cells=snakemake.output.cells,
    log=snakemake.log[0],
)
