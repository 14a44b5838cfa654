"""Tables of real trainings: recipes with what each of them scored, recorded once and searched many times."""
