# From a name to counts, and from counts to the problem that every competitor shares.


rule fetch:
    output:
        "resources/{dataset}/fetched.json",
    log:
        "results/logs/fetch/{dataset}.txt",
    retries: 2
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        dataset=lambda wildcards: without(dataset_of(wildcards), "code", "fetch_code"),
        code=lambda wildcards: dataset_of(wildcards)["fetch_code"],
    message:
        "Fetching {wildcards.dataset}"
    script:
        "../scripts/fetch.py"


rule prepare:
    input:
        unpack(sources_of),
    output:
        "results/{study}/data/{dataset}.h5ad",
    log:
        "results/{study}/logs/prepare/{dataset}.txt",
    resources:
        mem_mb=memory_to_prepare,
        runtime=60,
    params:
        dataset=lambda wildcards: without(dataset_of(wildcards), "code", "fetch_code"),
        code=lambda wildcards: dataset_of(wildcards)["code"],
    message:
        "Preparing {wildcards.dataset}"
    script:
        "../scripts/prepare.py"


rule pose:
    input:
        "results/{study}/data/{dataset}.h5ad",
    output:
        "results/{study}/problems/{dataset}/{task}/{split}.npz",
    log:
        "results/{study}/logs/pose/{dataset}/{task}/{split}.txt",
    resources:
        mem_mb=memory_to_prepare,
        runtime=60,
    params:
        task=lambda wildcards: without(task_of(wildcards), "code"),
        code=lambda wildcards: task_of(wildcards)["code"],
    message:
        "Posing {wildcards.task} on {wildcards.dataset}, split {wildcards.split}"
    script:
        "../scripts/pose.py"
