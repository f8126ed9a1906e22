"""What a person at a screen sees: how WATCH and the processes tell it, how a page is kept of it."""
