"""Code without organizations, persons and roles: ids, instants, errors, base of the API."""
