from bench.jobs import tabulate_treatments

tabulate_treatments(
    treatments=snakemake.output[0],
    log=snakemake.log[0],
)
