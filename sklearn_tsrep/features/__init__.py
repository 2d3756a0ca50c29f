"""From representations of time steps to feature vectors of instances."""
