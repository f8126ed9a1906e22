"""`newsurge review`: which scored items a person should label next."""
