# From the records of all runs to the tables and the page.


rule gather:
    input:
        JOBS.records(),
    output:
        JOBS.tables(),
        f"{JOBS.study}/records/gather.json",
    log:
        f"{JOBS.study}/logs/gather.txt",
    localrule: True
    params:
        key=JOBS.gather_key(),
        root=str(ROOT),
    message:
        "Gathering all scores"
    script:
        "../scripts/gather.py"


rule report:
    input:
        f"{JOBS.study}/records/gather.json",
        JOBS.tables(),
        JOBS.page_records(),
    output:
        page=f"{JOBS.study}/report.html",
        record=f"{JOBS.study}/records/report.json",
    log:
        f"{JOBS.study}/logs/report.txt",
    localrule: True
    params:
        key=JOBS.report_key(),
        page_files=JOBS.page_files(),
    message:
        f"Writing the report: {JOBS.study}/report.html"
    script:
        "../scripts/report.py"


rule check_failures:
    input:
        runs=f"{JOBS.study}/runs.csv",
        page=f"{JOBS.study}/report.html",
    output:
        f"{JOBS.study}/records/check_failures.json",
    log:
        f"{JOBS.study}/logs/check_failures.txt",
    retries: 0
    localrule: True
    message:
        "Checking whether every run went well"
    script:
        "../scripts/check_failures.py"
