"""A stage of training that can be stopped at any time."""
import time

import torch

from progress import load_checkpoint, save_checkpoint

SAVE_SECONDS = 240


class Run:
    """Networks, AdamW, a moving average, and how many steps and seconds they have been trained."""

    def __init__(self, path, networks, average, weight_decay):
        """`networks`: by the name they have in the checkpoint at `path`, from which the run goes on if it is there."""
        self.path, self.networks, self.average = path, networks, average
        self.parameters = [p for network in networks.values() for p in network.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, betas=(0.9, 0.99), weight_decay=weight_decay)
        self.step, self.seconds = 0, 0.0
        state = load_checkpoint(path)
        if state is not None:
            for name, network in networks.items():
                network.load_state_dict(state[name])
            self.optimizer.load_state_dict(state["optimizer"])
            average.load_state_dict(state["average"])
            self.step, self.seconds = state["step"], state["seconds"]
        self.last = self.saved = time.time()

    def learn(self, loss, learning_rate):
        """One optimizer step. FloatingPointError where the loss is not finite: nothing has changed then."""
        if not torch.isfinite(loss):
            raise FloatingPointError(f"loss is not finite at step {self.step}; the last checkpoint is good")
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.average.update()
        self.step += 1
        now = time.time()
        self.seconds, self.last = self.seconds + now - self.last, now
        if now - self.saved > SAVE_SECONDS:
            self.save()

    def save(self):
        save_checkpoint(
            self.path,
            **{name: network.state_dict() for name, network in self.networks.items()},
            optimizer=self.optimizer.state_dict(),
            average=self.average.state_dict(),
            step=self.step,
            seconds=self.seconds,
        )
        self.saved = time.time()
