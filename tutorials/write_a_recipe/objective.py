"""What is minimised: two discriminators, and the difference to the true picture."""

from collections.abc import Mapping

from torch import Tensor, nn

from graphgan.data import PersonBatch
from graphgan.losses import AdversarialLoss, reconstruction_loss
from graphgan.models import GeneratorOutput
from graphgan.training.step import Losses


# --8<-- [start:region]
def figure(batch: PersonBatch) -> Tensor:
    """1 where the target shows the robot, 0 where it shows the grey behind it."""
    background = batch.target[:, :, :1, :1]
    return ((batch.target - background).abs().amax(1, keepdim=True) > 0.05).float()


# --8<-- [end:region]


# --8<-- [start:objective]
class RobotObjective:
    """Does it look like the robot (``app``), does it have the pose (``lm``), is it the target?"""

    adversarial = AdversarialLoss("lsgan")

    def generate(self, generator: nn.Module, batch: PersonBatch) -> GeneratorOutput:
        return generator(batch.image, batch.joints, batch.target_joints)

    def generator_losses(
        self, discriminators: Mapping[str, nn.Module], batch: PersonBatch, output: GeneratorOutput
    ) -> Losses:
        losses = {
            f"g_{name}": 0.1
            * self.adversarial.generator(self._logits(name, net, output.image, batch))
            for name, net in discriminators.items()
        }
        weights = 0.1 + 0.9 * figure(batch)
        losses["g_l1"] = 10 * reconstruction_loss(output.image, batch.target, region=weights)
        return losses

    def discriminator_losses(
        self, name: str, discriminator: nn.Module, batch: PersonBatch, output: GeneratorOutput
    ) -> Losses:
        real = self._logits(name, discriminator, batch.target, batch)
        fake = self._logits(name, discriminator, output.image, batch)
        return {f"d_{name}": self.adversarial.discriminator(real, fake)}

    def _logits(self, name: str, net: nn.Module, image: Tensor, batch: PersonBatch) -> Tensor:
        return net(image, batch.image if name == "app" else batch.target_joints)[-1]


# --8<-- [end:objective]
