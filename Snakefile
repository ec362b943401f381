# scvaebench: one study in, one table and one report out.
#
#   snakemake --cores 8                                     the default study
#   snakemake --cores 8 --configfile configs/mine.yaml      yours


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/readout.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"


container: "docker://python:3.11"


rule study:
    default_target: True
    input:
        targets(),
