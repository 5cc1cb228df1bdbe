"""What a user reads: tables in the terminal, and pictures."""
