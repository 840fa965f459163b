"""A method under a protocol becomes checkpoints, predictions and metrics; nothing is made twice."""
