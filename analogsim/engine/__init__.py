"""Everything that happens in time: trajectories, equilibria, noise, stability."""
