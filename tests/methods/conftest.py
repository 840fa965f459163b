"""Fixtures that these tests share."""

from installing import install

__all__ = ["install"]
