from bench.jobs.export_to_tracker import export_to_tracker

export_to_tracker(
    tracker=snakemake.params.tracker,
    written=snakemake.output[0],
    log=snakemake.log[0],
)
