"""Usage: requests counted by the minute, and what of them capacity covered (R14, R16)."""
