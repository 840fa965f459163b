"""Networks, the training loop over all folds at once, checkpoints. The only home of torch."""
