# Tables of single runs, for sections of the report that draw them; bench/page_files has their cards.


rule make_page_file:
    input:
        unpack(JOBS.page_inputs),
    output:
        table="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/{page_file}",
        record="results/{study}/{shelf}/{dataset}/{task}/{split}/{run}/{page_file}.json",
    log:
        "results/{study}/logs/make_page_file/{shelf}/{dataset}/{task}/{split}/{run}/{page_file}.txt",
    wildcard_constraints:
        page_file=JOBS.page_file_pattern(),
    threads: 1
    resources:
        mem_mb=memory_to_fit,
        runtime=60,
    params:
        key=JOBS.page_key,
    message:
        "Making {wildcards.page_file} of {wildcards.run} on {wildcards.dataset}, {wildcards.task}"
    script:
        "../scripts/make_page_file.py"
