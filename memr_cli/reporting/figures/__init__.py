"""The figures of a report, one module each; `canvas` and `palette` are what they share."""
