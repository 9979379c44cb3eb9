"""What a lab notebook records: Lipschitz constants, alignment, symmetry defect, saturation, convergence."""
