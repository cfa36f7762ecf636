"""What speeds are compared with: plain torch layers, in the published order and layout.

Dense one-hot maps, eager, single precision, contiguous memory; nothing left out, nothing merged.
Frozen: whoever makes this faster makes every ratio a lie. `tests/benchmarks/test_reference.py`
checks it against the golden numbers. Parameters bear the keys of published checkpoints.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReferenceGenerator(nn.Module):
    """AnonyGAN's generator as published, for condition, context and ready maps.

    Args:
        num_landmarks: k of each set.
        width: channels after the first convolutions.
        num_blocks: aggregation blocks.
        dropout: in the blocks.
    """

    def __init__(
        self,
        num_landmarks: int = 68,
        *,
        width: int = 64,
        num_blocks: int = 6,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        channels = 4 * width
        self.ch_att = ReferenceAttention()
        self.stream1_down = _encoder(6, width)
        self.stream2_down = _encoder(2 * num_landmarks, width)
        self.att = nn.ModuleList(
            ReferenceBlock(channels, channels if i == 0 else 2 * channels, dropout)
            for i in range(num_blocks)
        )
        self.stream1_up = nn.Sequential(
            _doubling(channels, channels // 2),
            nn.BatchNorm2d(channels // 2),
            nn.ReLU(),
            _doubling(channels // 2, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Tanh(),
        )
        self.conv_att1 = _doubling(channels, channels // 2)
        self.conv_att2 = _doubling(channels // 2, width)
        self.conv_att3 = nn.ConvTranspose2d(width, 1, 1, bias=False)

    def forward(self, condition: Tensor, context: Tensor, maps: Tensor) -> Tensor:
        """``b 3 h w`` twice and ``b 2k h w``, the condition's maps first -> ``b 3 h w``."""
        code = self.stream1_down(torch.cat([condition, context], dim=1))
        shape = self.stream2_down(self.ch_att(maps))
        for block in self.att:
            code, shape = block(code, shape)
        generated = self.stream1_up(code)
        attention = self.conv_att3(self.conv_att2(self.conv_att1(code))).sigmoid()
        return (generated * attention + context * (1 - attention)).clamp(-1, 1)


class ReferenceAttention(nn.Module):
    """Efficient channel attention over all maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        means = F.adaptive_avg_pool2d(maps, 1)[:, :, 0, 0]
        weights = self.conv(means[:, None])[:, 0].sigmoid()
        return maps * weights[:, :, None, None]


class ReferenceBlock(nn.Module):
    """One aggregation of landmarks and appearance."""

    def __init__(self, channels: int, shape_channels: int, dropout: float) -> None:
        super().__init__()
        self.conv_block_stream1 = nn.Sequential(
            *_conv_norm(channels, channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            *_conv_norm(channels, channels),
        )
        self.conv_block_stream2 = nn.Sequential(
            *_conv_norm(shape_channels, shape_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.ReflectionPad2d(1),
            nn.Conv2d(shape_channels, channels, 3, bias=False),
        )
        self.gcn = ReferenceReasoning(channels // 2, channels // 4)

    def forward(self, code: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        update = self.conv_block_stream1(code)
        steered = self.gcn(self.conv_block_stream2(shape))
        code = code + update * steered.sigmoid()
        return code, torch.cat([steered, code], dim=1)


class ReferenceReasoning(nn.Module):
    """Bipartite reasoning between the halves of one tensor, step by step as written down."""

    def __init__(self, channels: int, num_nodes: int) -> None:
        super().__init__()
        states = 2 * num_nodes
        self.conv_state = nn.Conv2d(channels, states, 1)
        self.conv_proj = nn.Conv2d(channels, num_nodes, 1)
        self.gcn1 = ReferenceGraphConv(num_nodes, states)
        self.gcn2 = ReferenceGraphConv(num_nodes, states)
        self.conv_extend = nn.Conv2d(states, channels, 1, bias=False)
        self.blocker = nn.BatchNorm2d(channels, eps=1e-4)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        return torch.cat(
            [
                self._direction(first, second, self.gcn1),
                self._direction(second, first, self.gcn2),
            ],
            dim=1,
        )

    def _direction(self, x: Tensor, other: Tensor, graph: nn.Module) -> Tensor:
        state = self.conv_state(x).flatten(2)
        assignment = self.conv_proj(other).flatten(2)
        nodes = graph(torch.matmul(state, assignment.transpose(1, 2)))
        spread = torch.matmul(nodes, assignment).unflatten(2, x.shape[2:])
        return x + self.blocker(self.conv_extend(spread))


class ReferenceGraphConv(nn.Module):
    """``W relu(V + V A + b)`` by convolutions of kernel 1."""

    def __init__(self, num_nodes: int, states: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(num_nodes, num_nodes, 1)
        self.conv2 = nn.Conv1d(states, states, 1, bias=False)

    def forward(self, nodes: Tensor) -> Tensor:
        passed = self.conv1(nodes.transpose(1, 2)).transpose(1, 2)
        return self.conv2((nodes + passed).relu())


class ReferenceDiscriminator(nn.Module):
    """The published PatchGAN over ``[image | what is given]``."""

    def __init__(self, in_channels: int, *, width: int = 64) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(in_channels, width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.down2 = _patch(width, 2 * width, 2)
        self.down3 = _patch(2 * width, 4 * width, 2)
        self.down4 = _patch(4 * width, 8 * width, 2)
        self.conv1 = _patch(8 * width, 8 * width, 1)
        self.conv2 = nn.Sequential(nn.Conv2d(8 * width, 1, 4, 1, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in (self.down1, self.down2, self.down3, self.down4, self.conv1, self.conv2):
            x = layer(x)
            features.append(x)
        return features


class ReferenceStep:
    """One training step: the generator, then each discriminator; the published loss.

    Args:
        width: of all networks.
        dropout: of the generator.
    """

    def __init__(self, *, width: int = 64, dropout: float = 0.5) -> None:
        self.generator = ReferenceGenerator(width=width, dropout=dropout).train()
        self.d_app = ReferenceDiscriminator(6, width=width).train()
        self.d_lm = ReferenceDiscriminator(3 + 68, width=width).train()
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=lr, betas=(0.5, 0.999))
            for network, lr in ((self.generator, 2e-4), (self.d_app, 2e-6), (self.d_lm, 2e-6))
        ]

    def __call__(
        self, condition: Tensor, source: Tensor, maps: Tensor, mask: Tensor, same: Tensor
    ) -> dict[str, float]:
        of_generator, of_app, of_lm = self.optimizers
        source_maps = maps[:, maps.shape[1] // 2 :]
        fake = self.generator(condition, source * (1 - mask), maps)
        losses = self._generator_losses(fake, condition, source, source_maps, mask, same)
        of_generator.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        of_generator.step()
        for name, network, optimizer, given in (
            ("d_app", self.d_app, of_app, condition),
            ("d_lm", self.d_lm, of_lm, source_maps),
        ):
            real = network(torch.cat([source, given], dim=1))[-1]
            made = network(torch.cat([fake.detach(), given], dim=1))[-1]
            losses[name] = (_bce(real, 1.0) + _bce(made, 0.0)) / 2
            optimizer.zero_grad()
            losses[name].backward()
            optimizer.step()
        return {name: value.item() for name, value in losses.items()}

    def _generator_losses(
        self,
        fake: Tensor,
        condition: Tensor,
        source: Tensor,
        source_maps: Tensor,
        mask: Tensor,
        same: Tensor,
    ) -> dict[str, Tensor]:
        made = self.d_app(torch.cat([fake, condition], dim=1))
        real = self.d_app(torch.cat([source, condition], dim=1))
        matched = [F.l1_loss(a, b.detach()) for a, b in zip(made[:-1], real[:-1], strict=True)]
        pasted = fake * mask + source * (1 - mask)
        return {
            "app": _bce(made[-1], 1.0),
            "lm": _bce(self.d_lm(torch.cat([fake, source_maps], dim=1))[-1], 1.0),
            "wfm": 0.8 * torch.stack(matched).sum(),
            "recon": 10 * F.l1_loss(pasted[same], source[same]),
        }


def _bce(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _encoder(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        nn.Conv2d(in_channels, width, 7, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
    )


def _conv_norm(in_channels: int, out_channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, 3, bias=False)
    return [nn.ReflectionPad2d(1), conv, nn.BatchNorm2d(out_channels)]


def _doubling(in_channels: int, out_channels: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(in_channels, out_channels, 3, 2, 1, 1, bias=False)


def _patch(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 4, stride, 1)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.LeakyReLU(0.2))
