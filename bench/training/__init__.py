"""Training: the stack of replicates, the loop, schedules, early stopping, devices."""
