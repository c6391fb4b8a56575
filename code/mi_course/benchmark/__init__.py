"""How fast the interventions are, measured and counted, and what a model can do."""
