# All seeds of one configuration, at once.  A run that fails leaves a record, never a hole.


rule train:
    input:
        "results/{study}/problems/{dataset}/{task}/{split}.npz",
        made=round_of,
    output:
        status="results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
        states="results/{study}/runs/{dataset}/{task}/{split}/{run}/states.pt",
        curve="results/{study}/runs/{dataset}/{task}/{split}/{run}/curve.parquet",
    log:
        "results/{study}/logs/train/{dataset}/{task}/{split}/{run}.txt",
    retries: 1
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=to_train,
        code=lambda wildcards: variant_run(wildcards)["code"]["train"],
    message:
        "Training {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/train.py"


rule fit_baseline:
    input:
        "results/{study}/problems/{dataset}/{task}/{split}.npz",
    output:
        status="results/{study}/baselines/{dataset}/{task}/{split}/{run}/status.json",
        readouts="results/{study}/baselines/{dataset}/{task}/{split}/{run}/readouts.npz",
        read="results/{study}/baselines/{dataset}/{task}/{split}/{run}/readouts.json",
    log:
        "results/{study}/logs/fit_baseline/{dataset}/{task}/{split}/{run}.txt",
    retries: 1
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=to_fit,
        code=lambda wildcards: baseline_run(wildcards)["code"]["train"],
    message:
        "Fitting {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/fit_baseline.py"
