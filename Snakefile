# scvaebench: one study in, one table and one report out.
#
#   snakemake --cores 8                                     the default study
#   snakemake --cores 8 --configfile configs/mine.yaml      yours


# The image that Dockerfile builds; jobs use it with --software-deployment-method apptainer only, and
# otherwise the active environment.  See docs/cluster.md.
container: "scvaebench.sif"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/readout.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/page_files.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"


rule study:
    default_target: True
    input:
        JOBS.targets(),
    message:
        f"Everything of {JOBS.study} is there"


onstart:
    MAIN.started()


onsuccess:
    MAIN.finished()


onerror:
    MAIN.ended_early()
