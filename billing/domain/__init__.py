"""The arithmetic of periods and money: standard library only."""
