"""Processes of the checks' own. Nothing heavy is imported here: a process starts at once."""
