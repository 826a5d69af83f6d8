"""Tools of the integration tests; each works without carpool."""
