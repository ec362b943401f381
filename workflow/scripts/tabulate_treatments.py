from bench.jobs.tabulate_treatments import tabulate_treatments

tabulate_treatments(
    key=snakemake.params.key,
    readouts=snakemake.input[0],
    treatments=snakemake.output[0],
    log=snakemake.log[0],
)
