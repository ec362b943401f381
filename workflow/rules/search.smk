# Settings that are found rather than given: rounds of trials, each proposed from those before it.
# A trial is a run like any other; only what its search selects by is read out of it as well.
# How trials are called is known beforehand, what they try is not: a checkpoint makes Snakemake look
# again, so that a trial whose round was made anew runs again only if it tries something else.


ruleorder: read_out_trial > read_out


checkpoint propose:
    input:
        JOBS.round_files(JOBS.rounds_before),
        JOBS.trial_files(JOBS.rounds_before, "validation.json"),
    output:
        "results/{study}/search/{dataset}/{task}/{search}/round-{round}.json",
    log:
        "results/{study}/logs/propose/{dataset}/{task}/{search}/{round}.txt",
    localrule: True
    params:
        search=JOBS.propose,
        numbers=JOBS.numbers,
        splits=JOBS.plan.splits,
        key=JOBS.propose_key,
        study=str(JOBS.study),
    message:
        "Proposing round {wildcards.round} of {wildcards.search} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/propose.py"


rule read_out_trial:
    input:
        cells="results/{study}/problems/{dataset}/{task}/{split}.npz",
        problem="results/{study}/problems/{dataset}/{task}/{split}.json",
        status="results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
        made=lambda wildcards: ancient(JOBS.round_of(wildcards)),
    output:
        "results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.json",
        "results/{study}/runs/{dataset}/{task}/{split}/{run}/validation.json",
    log:
        "results/{study}/logs/read_out/{dataset}/{task}/{split}/{run}.txt",
    wildcard_constraints:
        run=pattern(dict.fromkeys(row["search"] for row in JOBS.plan.searches)),
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=minutes_to_fit,
    params:
        run=JOBS.read_out,
    message:
        "Reading out {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/read_out_trial.py"


rule select_trial:
    input:
        JOBS.round_files(JOBS.all_rounds),
        JOBS.trial_files(JOBS.all_rounds, "validation.json"),
        JOBS.trial_files(JOBS.all_rounds, "scores.json"),
    output:
        "results/{study}/search/{dataset}/{task}/{search}/trials.json",
    log:
        "results/{study}/logs/select_trial/{dataset}/{task}/{search}.txt",
    localrule: True
    params:
        search=JOBS.select_trial,
        splits=JOBS.plan.splits,
        key=JOBS.select_key,
        study=str(JOBS.study),
    message:
        "Selecting a trial of {wildcards.search} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/select_trial.py"
