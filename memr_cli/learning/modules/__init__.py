"""Networks as torch modules, for each family of methods."""
