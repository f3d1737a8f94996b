"""The three networks of the SD-2.1 family, with the parameter names of diffusers and transformers."""
