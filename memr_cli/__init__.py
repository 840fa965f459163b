"""Multimodal emotion recognition from pre-extracted features, compared honestly."""

__version__ = "0.1.0"
