"""What the API says and understands of the catalogue, of orders and of what is held."""
