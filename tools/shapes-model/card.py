"""The model card, with the numbers of the run it describes."""
import json
import os
import re

TEMPLATE = """# Shapes model

A small latent text-to-image diffusion model of the SD-2.1 family, trained from scratch for this project. It draws one or
two colored shapes on a dark background, 64 x 64 pixels, and it binds attributes imperfectly on purpose: it is the model
that MI-TUNE is demonstrated and studied on.

| part | class | size |
|---|---|---|
| `text_encoder` | CLIPTextModel | 2 layers, width 128, 32 positions, {vocabulary} tokens |
| `unet` | UNet2DConditionModel | channels 64/128, cross attention at both levels, 2/4 heads, linear projections |
| `vae` | AutoencoderKL | channels 16/32/64/64, factor 8, 4 latent channels, scaling factor {scale:.6f} |
| `scheduler` | DDPMScheduler | scaled linear, 1,000 steps, epsilon prediction |

All weights are fp16.

## Data

{images:,} images rendered by `src/shapes` (seed {seed}), scenes of training prompts only: {mixture}. Each has
{captions} captions, with mistakes in these shares of those that give room for them (their reasons are in
`src/shapes/captions.ts`); true captions leave out attributes and relations at random.

{mistakes}

{dropout:.0%} of the captions are dropped in training,
{last_dropout:.0%} in its last steps. No image shows and no caption
names the combinations of `UNSEEN_PAIRS` in `src/shapes/world.ts`, and no caption means the same as a validation or test
prompt.

## Recipe

`tools/shapes-model`, PyTorch on one CPU thread, shared with other work, so the hours are upper bounds.

- Autoencoder: {vae_steps:,} steps of 16, {vae_hours:.1f} hours; weighted reconstruction loss {vae_loss}.
- Its decoder alone: {decoder_steps:,} steps of 16 more, {decoder_hours:.1f} hours, half of every batch objects in contact; pixels
  of rare colors count more, loss with those weights {decoder_loss}. The encoder and the latents stay as they were.
- Text encoder and UNet: {steps:,} steps of {batch} ({samples:,} samples), {hours:.1f} hours, AdamW {rate:g}, min-SNR
  weights (gamma 5) with more on high noise, moving average {average}. Held out, averaged weights: {held_out}.
- Its last {calibration_steps:,} steps calibrate what is drawn without a prompt: images without caption are chosen by how
  rarely the network drew their shapes and colors, and four fifths of them are noised to t >= 350.
{notes}
{figures}## Weaknesses

It knows only the words of its small world; others are spelled out in characters it has never seen in training. Three
objects are out of its reach. Colors and shapes are sometimes swapped between objects, objects forgotten, relations
ignored. Patterns on small objects are the hardest. Its unseen combinations show what it cannot put together.

## License

MIT, as the code of this repository. No third-party data or weights were used.
"""


def last_match(log, pattern, default="not recorded"):
    found = re.findall(pattern, log)
    return found[-1] if found else default


def mistake_table(shares):
    """Rows of the shares of `CAPTION_SHARES`, as Markdown."""
    rows = [f"| {name} | {shares['one'][name]:.2f} | {shares['two'][name]:.2f} |" for name in shares["one"]]
    return "\n".join(["| mistake | images of one object | of two |", "|---|---|---|", *rows])


def read_if_there(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def write_card(work, out, facts):
    """`facts`: vocabulary, scale, steps, hours, batch, rate, average, dropout, last_dropout, calibration_steps, and steps
    and hours of vae and decoder."""
    with open(os.path.join(work, "data", "data.json"), encoding="utf-8") as file:
        data = json.load(file)
    with open(os.path.join(work, "log.txt"), encoding="utf-8") as file:
        log = file.read()
    notes = read_if_there(os.path.join(work, "notes.txt"))  # what happened by hand during the run
    figures = read_if_there(os.path.join(work, "figures.txt"))  # what the evaluation of the README measured
    text = TEMPLATE.format(
        **facts,
        notes=notes,
        figures=f"## Figures\n\n{figures}\n" if figures else "",
        images=data["count"],
        seed=data["seed"],
        captions=data["captions"],
        mixture=", ".join(f"{name} {share:.0%}" for name, share in data["mixture"].items()),
        mistakes=mistake_table(data["mistakes"]),
        samples=facts["steps"] * facts["batch"],
        vae_loss=last_match(log, r"vae \d+/\d+ loss ([\d.]+)"),
        decoder_loss=last_match(log, r"decoder \d+/\d+ loss ([\d.]+)"),
        held_out=last_match(log, r"held out, averaged: (.*)"),
    )
    with open(os.path.join(out, "README.md"), "w", encoding="utf-8") as file:
        file.write(text)
