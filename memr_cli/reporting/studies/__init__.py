"""What was found beyond scores: comparisons, ablations and audits, as their files tell it."""
