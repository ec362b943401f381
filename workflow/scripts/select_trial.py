from bench.jobs.select_trial import select_trial

select_trial(
    search=snakemake.params.search,
    splits=snakemake.params.splits,
    key=snakemake.params.key,
    study=snakemake.params.study,
    trials=snakemake.output[0],
    log=snakemake.log[0],
)
