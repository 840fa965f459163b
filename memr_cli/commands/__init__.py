"""One module per command: parse, one call down, emit. Nothing heavy is loaded to parse."""
