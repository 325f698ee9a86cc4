"""The formats in which Django writes dates by default, for example on the operator's pages."""
