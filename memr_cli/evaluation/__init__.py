"""Protocols, metrics, intervals, tests, calibration, leakage: pure functions of arrays."""
