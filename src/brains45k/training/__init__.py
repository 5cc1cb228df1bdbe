"""AMAES pretraining on the corpus."""
