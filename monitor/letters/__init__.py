"""Dead letters for a person: found, shown, and published again."""
