"""One file an item: its tables, made of its raw figures, and its verdicts."""
