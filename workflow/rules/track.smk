# A finished study in the tool in which people follow experiments; only for those who ask for it.


rule export_to_tracker:
    input:
        JOBS.tables(),
        f"{JOBS.study}/report.html",
    output:
        f"{JOBS.study}/trackers/{{tracker}}.json",
    log:
        f"{JOBS.study}/logs/export_to_tracker/{{tracker}}.txt",
    localrule: True
    params:
        tracker=JOBS.tracker,
    message:
        "Mirroring the study to {wildcards.tracker}"
    script:
        "../scripts/export_to_tracker.py"
