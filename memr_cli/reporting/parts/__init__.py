"""Parts of a report beyond the table: a sentence, a figure and the numbers behind it."""
