"""What is minimized: two discriminators, and the difference to the true picture."""

from torch import Tensor, nn

from graphgan.data import PersonBatch
from graphgan.losses import AdversarialLoss, reconstruction_loss
from graphgan.models import GeneratorOutput
from graphgan.training import Losses


# --8<-- [start:region]
def figure(batch: PersonBatch) -> Tensor:
    """1 where the target shows the robot, 0 where it shows the gray behind it: ``b 1 h w``."""
    gray = batch.target[:, :, :1, :1]
    return ((batch.target - gray).abs().amax(1, keepdim=True) > 0.05).float()


# --8<-- [end:region]


# --8<-- [start:objective]
class RobotObjective:
    """Is it that robot (``app``), is it in that pose (``lm``), is it near the true picture?"""

    adversarial = AdversarialLoss("lsgan")

    def generate(self, generator: nn.Module, batch: PersonBatch) -> GeneratorOutput:
        return generator(batch.image, batch.joints, batch.target_joints)

    def generator_losses(self, networks, batch: PersonBatch, output: GeneratorOutput) -> Losses:
        weights = 0.1 + 0.9 * figure(batch)
        losses = {"g_l1": 10 * reconstruction_loss(output.image, batch.target, region=weights)}
        for name, network in networks.items():
            logits = judge(name, network, output.image, batch)
            losses[f"g_{name}"] = 0.1 * self.adversarial.generator(logits)
        return losses

    def discriminator_losses(
        self, name: str, network: nn.Module, batch: PersonBatch, output: GeneratorOutput
    ) -> Losses:
        real, fake = (judge(name, network, x, batch) for x in (batch.target, output.image))
        return {f"d_{name}": self.adversarial.discriminator(real, fake)}


def judge(name: str, network: nn.Module, image: Tensor, batch: PersonBatch) -> Tensor:
    """Logits of a picture beside what it is to agree with."""
    return network(image, batch.image if name == "app" else batch.target_joints)[-1]


# --8<-- [end:objective]
