"""Results as files: where each lies, how it is written, and how it is read back."""
