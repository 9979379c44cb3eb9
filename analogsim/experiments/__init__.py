"""Experiments: run, sweep, reproduce; their data, results and plots."""
