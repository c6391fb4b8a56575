"""The command `mi-course`: `main` takes the command line apart, the other modules do the work."""
