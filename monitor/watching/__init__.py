"""How WATCH takes up a scored partition, and what it keeps of one beside the pure core."""
