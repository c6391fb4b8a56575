"""How `pocket` is trained, measured and described; the model itself lies in `pocket/`."""
