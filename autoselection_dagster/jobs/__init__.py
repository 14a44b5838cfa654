"""Jobs: start and change searches, run trials and studies, buy evaluations, explain and export."""
