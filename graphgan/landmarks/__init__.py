"""Landmarks as coordinates: naming schemes, rendered maps, face masks, alignment, detection."""
