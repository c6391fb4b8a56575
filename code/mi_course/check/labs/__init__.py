"""Checks on the exercises of the labs."""
