"""Names of perturbations, their dosages and their effects."""
