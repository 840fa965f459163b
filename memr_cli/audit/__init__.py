"""Looking at a store and a protocol before anyone believes a score."""
