# What a run says of single perturbations, as tables: the page draws them.


rule tabulate_treatments:
    input:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.npz",
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/treatments.csv",
    log:
        "results/{study}/logs/tabulate_treatments/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        code=PLAN["code"]["tabulate_treatments"],
    message:
        "Tabulating the treatments of {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/tabulate_treatments.py"


rule score_perturbations:
    input:
        problem="results/{study}/problems/{dataset}/{task}/{split}.npz",
        readouts="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/readouts.npz",
    output:
        "results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/perturbation_scores.parquet",
    log:
        "results/{study}/logs/score_perturbations/{shelf}/{dataset}/{task}/{split}/{run}.txt",
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        code=PLAN["code"]["score_perturbations"],
    message:
        "Scoring every perturbation of {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/score_perturbations.py"
