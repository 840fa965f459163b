"""Methods of other installed packages."""
