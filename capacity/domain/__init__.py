"""What costs money when wrong: terms, cancellations and amounts. Standard library only."""
