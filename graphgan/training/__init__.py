"""One GAN step, the loop around it, and the folder that a run writes."""
