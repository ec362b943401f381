# Every metric of one run.  Adding a metric scores again and trains nothing.


rule score:
    input:
        cells="results/{study}/problems/{dataset}/{task}/{split}.npz",
        problem="results/{study}/problems/{dataset}/{task}/{split}.json",
        readouts="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.json",
        made=lambda wildcards: ancient(JOBS.round_of(wildcards)),
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/scores.json",
    log:
        "results/{study}/logs/score/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=JOBS.score,
    message:
        "Scoring {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/score.py"
