# The latent of a run as pictures, where its cells have a true type and a predicted one.


rule project:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        cells="results/{study}/data/{dataset}.h5ad",
        readouts="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.json",
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/projection.parquet",
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/projection.json",
    log:
        "results/{study}/logs/project/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        key=JOBS.page_key("project"),
    message:
        "Projecting {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/project.py"
