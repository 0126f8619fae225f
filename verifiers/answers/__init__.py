"""Short answers of one kind, compared with a gold answer: a choice, a number, a quantity, a text."""
