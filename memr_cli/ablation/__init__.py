"""What each modality is worth to a method: scores without it, under noise and under loss."""
