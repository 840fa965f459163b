"""Two or more evaluated methods, compared over the utterances that all of them scored."""
