# From the records of all runs to the tables and the page.


rule gather:
    input:
        of_all_runs("scores.json"),
        of_all_searches(),
        expand(
            "results/{study}/data/{dataset}.h5ad",
            study=STUDY,
            dataset=PLAN["datasets"],
        ),
    output:
        tables(),
        f"results/{STUDY}/scores.parquet",
    log:
        f"results/{STUDY}/logs/gather.txt",
    localrule: True
    params:
        plan=to_gather(),
        root=str(ROOT),
        code=PLAN["code"]["gather"],
    message:
        "Gathering all scores"
    script:
        "../scripts/gather.py"


rule report:
    input:
        tables(),
        drawn=all_drawn(),
    output:
        f"results/{STUDY}/report.html",
    log:
        f"results/{STUDY}/logs/report.txt",
    localrule: True
    params:
        code=PLAN["code"]["report"],
    message:
        "Writing the report: results/{STUDY}/report.html"
    script:
        "../scripts/report.py"


rule judge:
    input:
        f"results/{STUDY}/runs.csv",
        f"results/{STUDY}/report.html",
    output:
        f"results/{STUDY}/verdict.txt",
    log:
        f"results/{STUDY}/logs/judge.txt",
    retries: 0
    localrule: True
    message:
        "Judging whether every run went well"
    script:
        "../scripts/judge.py"
