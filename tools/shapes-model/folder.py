"""A diffusers folder: loading the parts of a pipeline and reading its configs."""
import json
import os

from networks.autoencoder import Autoencoder
from networks.text_encoder import TextEncoder
from networks.unet import UNet
from tensor_file import load_tensors
from tokenizer import Tokenizer

WEIGHTS = {
    "vae": "diffusion_pytorch_model.safetensors",
    "unet": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
}
NETWORKS = {"vae": Autoencoder, "unet": UNet, "text_encoder": TextEncoder}


def read_config(folder, part):
    with open(os.path.join(folder, part, "config.json"), encoding="utf-8") as file:
        return json.load(file)


def load_part(folder, part):
    """Builds a network from its config and loads its weights; any missing or extra tensor is an error."""
    network = NETWORKS[part](read_config(folder, part))
    network.load_state_dict(load_tensors(os.path.join(folder, part, WEIGHTS[part])))
    return network.eval()


def load_pipeline(folder):
    """Returns (tokenizer, text encoder, unet, vae, scaling factor)."""
    scaling = read_config(folder, "vae")["scaling_factor"]
    parts = [load_part(folder, part) for part in ("text_encoder", "unet", "vae")]
    return (Tokenizer(os.path.join(folder, "tokenizer")), *parts, scaling)
