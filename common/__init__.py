"""What knows no organization, person or role: ids, instants, errors, the API kit."""
