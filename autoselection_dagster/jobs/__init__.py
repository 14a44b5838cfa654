"""Jobs: start and change searches, buy single evaluations, explain and export."""
