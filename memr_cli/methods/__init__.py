"""The methods of `--method`: one module per family, each listing its methods in `METHODS`."""
