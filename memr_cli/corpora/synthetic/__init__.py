"""A synthetic corpus in IEMOCAP's shape: settings, turns, features, and the files of its layout."""
