"""KPIs of people and teams, and results above expectation."""
