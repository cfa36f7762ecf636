"""The generator, with what is needed to save it and to open it again."""

from torch import Tensor

from graphgan.models import GeneratorOutput, LandmarkGenerator, Pretrained


# --8<-- [start:network]
class RobotGenerator(Pretrained):
    """Draws the robot of an image as other joints say."""

    def __init__(self, *, width: int = 12, num_blocks: int = 2) -> None:
        super().__init__()
        self.config = {"width": width, "num_blocks": num_blocks}  # what builds an equal one
        sizes = {"width": width, "num_blocks": num_blocks, "sigma": 3.0}
        shapes = {"shape_encoding": "joint", "landmark_attention": None, "rendering": "gaussian"}
        changed = {"dropout": 0.0, "upsampling": "resize", "blend": "none"}
        self.generator = LandmarkGenerator(3, 9, **sizes, **shapes, **changed)

    def forward(self, image: Tensor, joints: Tensor, target_joints: Tensor) -> GeneratorOutput:
        return self.generator(image, (joints, target_joints), image)


# --8<-- [end:network]
