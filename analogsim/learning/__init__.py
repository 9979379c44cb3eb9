"""Learning: the one local rule, updates on the chip, optimisers, and digital references."""
