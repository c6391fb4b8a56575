"""Checks on the exercises of week 3."""
