"""Everything but input and output: requests are built here, and responses read."""
