"""Downstream tasks: what they are, their cases, prepared arrays, folds, and what a checkpoint must not have seen."""
