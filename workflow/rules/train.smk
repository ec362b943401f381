# All seeds of one configuration, at once.  A run that fails leaves a record, never a hole.
# What belongs to one replicate lies beside the record, and is kept when seeds are added.


rule train:
    input:
        cells="results/{study}/problems/{dataset}/{task}/{split}.npz",
        problem="results/{study}/problems/{dataset}/{task}/{split}.json",
        made=lambda wildcards: ancient(JOBS.round_of(wildcards)),
    output:
        "results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
    log:
        "results/{study}/logs/train/{dataset}/{task}/{split}/{run}.txt",
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=JOBS.train,
    message:
        "Training {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/train.py"


rule fit_baseline:
    input:
        cells="results/{study}/problems/{dataset}/{task}/{split}.npz",
        problem="results/{study}/problems/{dataset}/{task}/{split}.json",
    output:
        "results/{study}/baselines/{dataset}/{task}/{split}/{run}/status.json",
        "results/{study}/baselines/{dataset}/{task}/{split}/{run}/readouts.json",
    log:
        "results/{study}/logs/fit_baseline/{dataset}/{task}/{split}/{run}.txt",
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=JOBS.fit,
    message:
        "Fitting {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/fit_baseline.py"
