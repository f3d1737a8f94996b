"""Resumable training state: checkpoints, running log, moving average of the weights, learning rate."""
import json
import os
import time

import torch


class Log:
    """Appends lines with time stamps to WORK/log.txt and standard output."""

    def __init__(self, work):
        self.path = os.path.join(work, "log.txt")

    def write(self, text):
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}"
        print(line, flush=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


class Average:
    """Exponential moving average of parameters; the decay ramps up so that early weights are forgotten."""

    def __init__(self, modules, decay):
        self.parameters = [p for module in modules for p in module.parameters()]
        self.shadow = [p.detach().clone() for p in self.parameters]
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_mul_(self.shadow, decay)
        torch._foreach_add_(self.shadow, [p.detach() for p in self.parameters], alpha=1 - decay)

    @torch.no_grad()
    def swap(self):
        """Exchanges the live weights and their average; call twice to return."""
        for live, average in zip(self.parameters, self.shadow):
            kept = live.detach().clone()
            live.copy_(average)
            average.copy_(kept)

    def state_dict(self):
        return {"shadow": self.shadow, "steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]
        for mine, saved in zip(self.shadow, state["shadow"]):
            mine.copy_(saved)


def rate(step, total, warmup, decay_steps, floor=0.02):
    """Learning-rate factor: linear warm-up, constant, then half a cosine over the last `decay_steps`."""
    up = min(1.0, (step + 1) / warmup)
    left = total - step
    if left >= decay_steps:
        return up
    phase = 1 - max(left, 0) / decay_steps
    return up * (floor + (1 - floor) * 0.5 * (1 + torch.cos(torch.tensor(phase * torch.pi)).item()))


def save_checkpoint(path, **state):
    """Replaces the checkpoint in one step, so that a kill leaves the old or the new one."""
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def load_checkpoint(path):
    return torch.load(path, map_location="cpu") if os.path.exists(path) else None


def total_steps(work, stage, default):
    """Steps of a stage; WORK/plan.json ({"vae": n, "diffusion": n}) overrides it while the training runs."""
    path = os.path.join(work, "plan.json")
    if not os.path.exists(path):
        return default
    with open(path, encoding="utf-8") as file:
        return json.load(file).get(stage, default)
