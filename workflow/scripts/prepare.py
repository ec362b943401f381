from bench.jobs.request import request

request(
    snakemake.rule,
    dataset=snakemake.params.dataset,
    fetched=snakemake.input.get("fetched") or None,
    cells=snakemake.output.cells,
    log=snakemake.log[0],
)
