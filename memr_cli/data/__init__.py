"""What learning sees of a store: features, dialogues, scaling, and what the store holds."""
