# Every metric of one run.  Adding a metric scores again and trains nothing.


rule score:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        readouts="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.npz",
        read="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.json",
        made=round_of,
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/scores.json",
    log:
        "results/{study}/logs/score/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        run=to_score,
        code=lambda wildcards: any_run(wildcards)["code"]["score"],
    message:
        "Scoring {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/score.py"
