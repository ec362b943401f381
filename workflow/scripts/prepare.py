from bench.jobs import prepare

prepare(
    dataset=snakemake.params.dataset,
    fetched=snakemake.input.get("fetched"),
    cells=snakemake.output[0],
    log=snakemake.log[0],
)
