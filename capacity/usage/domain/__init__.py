"""The arithmetic of usage: windows, coverage and the recommendation. It needs no database."""
