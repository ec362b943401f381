# Settings that are found rather than given: rounds of trials, each proposed from those before it.
# A trial is a run like any other; only what its search selects by is read out of it as well.
# How trials are called is known beforehand, what they try is not: a checkpoint makes Snakemake look
# again, so that a trial whose round was made anew runs again only if it tries something else.


ruleorder: read_out_trial > read_out


checkpoint propose:
    input:
        round_files(rounds_before),
        trial_files(rounds_before, "validation.json"),
    output:
        "results/{study}/search/{dataset}/{task}/{search}/round-{round}.json",
    log:
        "results/{study}/logs/propose/{dataset}/{task}/{search}/{round}.txt",
    localrule: True
    params:
        search=to_propose,
        numbers=numbers_of_round,
        splits=PLAN["splits"],
        code=PLAN["code"]["propose"],
    message:
        "Proposing round {wildcards.round} of {wildcards.search} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/propose.py"


rule read_out_trial:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        states="results/{study}/runs/{dataset}/{task}/{split}/{run}/states.pt",
        status="results/{study}/runs/{dataset}/{task}/{split}/{run}/status.json",
        made=round_of,
    output:
        readouts="results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.npz",
        read="results/{study}/runs/{dataset}/{task}/{split}/{run}/readouts.json",
        validation="results/{study}/runs/{dataset}/{task}/{split}/{run}/validation.json",
    log:
        "results/{study}/logs/read_out/{dataset}/{task}/{split}/{run}.txt",
    wildcard_constraints:
        run=TRIAL,
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
        "../scripts/read_out_trial.py"


rule conclude:
    input:
        round_files(all_rounds),
        trial_files(all_rounds, "validation.json"),
        trial_files(all_rounds, "scores.json"),
    output:
        "results/{study}/search/{dataset}/{task}/{search}/trials.json",
    log:
        "results/{study}/logs/conclude/{dataset}/{task}/{search}.txt",
    localrule: True
    params:
        search=to_conclude,
        splits=PLAN["splits"],
        code=PLAN["code"]["conclude"],
    message:
        "Selecting a trial of {wildcards.search} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/conclude.py"
