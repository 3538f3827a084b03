"""Explanations of cases: requests, leases, artefacts, provenance."""
