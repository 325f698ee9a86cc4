"""What the API says and understands of people, and the field types that every app shares."""
