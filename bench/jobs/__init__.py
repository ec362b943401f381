"""One file is one rule of the workflow, named like it; the child of a job is its file, run alone.

Parameters were validated with the plan.  What a child imports stands inside the function that runs
there: its parent, and Snakemake, must not pay for torch.
"""
