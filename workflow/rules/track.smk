# A finished study in the tool in which people follow experiments; only for those who ask for it.


rule mirror:
    input:
        expand(
            "results/{study}/{file}",
            study=STUDY,
            file=[
                "scores.csv",
                "runs.csv",
                "plan.csv",
                "metrics.csv",
                "provenance.json",
                "report.html",
            ],
        ),
    output:
        f"results/{STUDY}/trackers/{{tracker}}.json",
    log:
        f"results/{STUDY}/logs/mirror/{{tracker}}.txt",
    localrule: True
    params:
        tracker=lambda wildcards: without(PLAN["trackers"][wildcards.tracker], "code"),
        code=lambda wildcards: PLAN["trackers"][wildcards.tracker]["code"],
    message:
        "Mirroring the study to {wildcards.tracker}"
    script:
        "../scripts/mirror.py"
