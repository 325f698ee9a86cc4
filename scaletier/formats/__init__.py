"""How Django writes dates of its own accord, as in the operator's pages."""
