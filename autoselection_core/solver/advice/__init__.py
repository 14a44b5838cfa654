"""Language models as advisers: they summarise, propose, rank and reseed; the numbers decide without them."""
