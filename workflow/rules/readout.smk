# What is asked of a trained variant: arrays on disk.  Baselines are read out where they are fitted.


rule read_out:
    input:
        cells="results/{study}/problems/{dataset}/{task}/{split}.npz",
        problem="results/{study}/problems/{dataset}/{task}/{split}.json",
        status="results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
    output:
        "results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.json",
    log:
        "results/{study}/logs/read_out/{dataset}/{task}/{split}/{run}.txt",
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=JOBS.read_out,
    message:
        "Reading out {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/read_out.py"
