"""The parts of the scaling benchmark: a SCORE process whose model waits, and the reckoning."""
