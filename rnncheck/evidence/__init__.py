"""The evidence: one module for each kind, from single elements to gradients."""
