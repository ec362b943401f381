"""What tasks share: roles of cells, problems of perturbations and of labels."""
