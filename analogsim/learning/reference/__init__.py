"""Digital reference trainers, one module each."""
