"""Checks of a store under a protocol, before anyone believes a score."""
