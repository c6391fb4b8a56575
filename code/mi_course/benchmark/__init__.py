"""How fast the interventions are, measured and counted."""
