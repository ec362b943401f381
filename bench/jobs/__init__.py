"""One file per rule of the workflow, with the name of the rule; the file is also the child process.

The plan has validated all parameters.  Slow imports of a child process are inside the function that
runs there, so that its parent and Snakemake do not import torch.
"""
