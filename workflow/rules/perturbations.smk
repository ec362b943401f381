# What a run says of single perturbations, as tables: the page draws them.


rule tabulate_treatments:
    input:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.json",
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/treatments.csv",
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/treatments.json",
    log:
        "results/{study}/logs/tabulate_treatments/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        key=JOBS.page_key("tabulate_treatments"),
    message:
        "Tabulating the treatments of {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/tabulate_treatments.py"


rule score_perturbations:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        readouts="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.json",
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/perturbation_scores.parquet",
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/perturbation_scores.json",
    log:
        "results/{study}/logs/score_perturbations/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        key=JOBS.page_key("score_perturbations"),
    message:
        "Scoring every perturbation of {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/score_perturbations.py"
