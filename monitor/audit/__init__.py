"""Proof that nothing was lost and nothing told twice, from the streams alone."""
