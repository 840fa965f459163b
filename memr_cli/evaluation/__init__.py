"""Who is tested, and what the answers are worth: pure functions of arrays."""
