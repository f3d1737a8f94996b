"""Configs of the shapes model, in the words of diffusers and transformers."""

POSITIONS = 32

VAE = {
    "_class_name": "AutoencoderKL",
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [16, 32, 64, 64],
    "layers_per_block": 1,
    "act_fn": "silu",
    "latent_channels": 4,
    # Four channels to a group at the widest image: one channel per group (instance norm) paints droplets.
    "norm_num_groups": 4,
    "sample_size": 64,
    "scaling_factor": None,
    "force_upcast": True,
}

TEXT_ENCODER = {
    "architectures": ["CLIPTextModel"],
    "model_type": "clip_text_model",
    "vocab_size": None,
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-05,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
    "projection_dim": 128,
}

UNET = {
    "_class_name": "UNet2DConditionModel",
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "center_input_sample": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "mid_block_type": "UNetMidBlock2DCrossAttn",
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    "only_cross_attention": False,
    "block_out_channels": [64, 128],
    "layers_per_block": 1,
    "downsample_padding": 1,
    "mid_block_scale_factor": 1,
    "act_fn": "silu",
    "norm_num_groups": 16,
    "norm_eps": 1e-05,
    "cross_attention_dim": 128,
    # Head counts, as every SD-2 config has them under this name.
    "attention_head_dim": [2, 4],
    "dual_cross_attention": False,
    "use_linear_projection": True,
    "upcast_attention": False,
    "resnet_time_scale_shift": "default",
}

SCHEDULER = {
    "_class_name": "DDPMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "variance_type": "fixed_small",
}

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    # Read by the page: the exact scorer applies to this model's images. diffusers ignores names with an underscore.
    "_world": "shapes",
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "scheduler": ["diffusers", "DDPMScheduler"],
    "feature_extractor": [None, None],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
}

# Every word of the grammar in src/shapes becomes one token; the rest is for prompts typed by people.
WORDS = (
    "a an the and on of to in left right side above below under beneath touching inside overlapping with one "
    "circle square triangle star cross ring red green blue yellow purple orange white cyan "
    "solid striped dotted plain small big large tiny little"
).split()
