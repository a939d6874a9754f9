"""SQL statements: which of them we carry out ourselves, and what the engine gets to see of the rest."""
