# What is asked of a trained variant: arrays on disk.  Baselines are read out where they are fitted.


rule read_out:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        states="results/{study}/runs/{dataset}/{task}/{split}/{run}/states.pt",
        status="results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
    output:
        readouts="results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.npz",
        read="results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.json",
    log:
        "results/{study}/logs/read_out/{dataset}/{task}/{split}/{run}.txt",
    retries: 1
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=to_read_out,
        code=lambda wildcards: variant_run(wildcards)["code"]["readout"],
    message:
        "Reading out {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/read_out.py"
