from bench.jobs.make_page_file import make_page_file

make_page_file(
    key=snakemake.params.key,
    inputs=dict(snakemake.input.items()),
    table=snakemake.output.table,
    log=snakemake.log[0],
)
