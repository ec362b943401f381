# From a name to counts, and from counts to the problem that every competitor shares.


rule fetch:
    output:
        "resources/{dataset}/fetched.json",
    log:
        f"results/{STUDY}/logs/fetch/{{dataset}}.txt",
    retries: 2
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        dataset=JOBS.fetch,
    message:
        "Fetching {wildcards.dataset}"
    script:
        "../scripts/fetch.py"


rule prepare:
    input:
        # What is in a user's file tells, not its time.
        own=lambda wildcards: ancient(JOBS.user_files(wildcards)),
        fetched=JOBS.fetched,
    output:
        cells="results/{study}/data/{dataset}.h5ad",
        record="results/{study}/data/{dataset}.json",
    log:
        "results/{study}/logs/prepare/{dataset}.txt",
    retries: 0
    resources:
        mem_mb=memory_to_prepare,
        runtime=60,
    params:
        dataset=JOBS.prepare,
    message:
        "Preparing {wildcards.dataset}"
    script:
        "../scripts/prepare.py"


rule make_problem:
    input:
        cells="results/{study}/data/{dataset}.h5ad",
        record="results/{study}/data/{dataset}.json",
    output:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        record="results/{study}/problems/{dataset}/{task}/{split}.json",
    log:
        "results/{study}/logs/make_problem/{dataset}/{task}/{split}.txt",
    retries: 0
    resources:
        mem_mb=memory_to_prepare,
        runtime=60,
    params:
        task=JOBS.make_problem,
    message:
        "Posing {wildcards.task} on {wildcards.dataset}, split {wildcards.split}"
    script:
        "../scripts/make_problem.py"
