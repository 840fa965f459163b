"""Networks as torch modules: what each family of methods computes."""
