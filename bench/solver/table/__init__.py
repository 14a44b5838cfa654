"""Tables of real trainings: recipes with the scores of each, recorded once and searched many times."""
