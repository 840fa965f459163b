"""What `--method` names: one module per family, each listing its methods in `METHODS`."""
