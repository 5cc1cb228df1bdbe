"""Finetuning for segmentation: train, predict, score, and the table of what came of it."""
