"""The pictures of docs/blocks: `python scripts/draw_block_pictures.py --help`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from _diagram import Diagram

from graphgan.commands import run_command
from graphgan.data import RandomChange
from graphgan.landmarks import bend_to_landmarks

_TIMES = "\u00d7"
_BLUE, _ORANGE, _PALE = "#2f66a8", "#c8641b", "#b9d2f0"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw the pictures of the pages about blocks."""

    out: Path = Path("docs/pictures/blocks")
    """Where the files are replaced."""


def main(options: Options) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        draw().write(options.out / f"{name}.svg")
    print(f"look at {options.out}")


def channel_attention() -> Diagram:
    d = Diagram(400, "Each channel is scaled by a weight made of the means of it and its neighbors")
    d.box(110, 30, "x", kind="tensor", width=60)
    d.arrow((110, 45), (110, 307), shape="b c h w", side="left")
    d.arrow((110, 75), (250, 75), (250, 99))
    d.box(250, 115, "mean over h, w", width=170)
    d.arrow((250, 130), (250, 164), shape="b c")
    d.box(250, 181, "Conv1d, J taps,\nalong the channels", kind="learned", width=170)
    d.arrow((250, 205), (250, 239), shape="b c")
    d.box(250, 255, "sigmoid", width=170)
    d.arrow((250, 270), (250, 320), (124, 320), shape="w: b c")
    d.operation(110, 320, _TIMES)
    d.arrow((110, 333), (110, 352), shape="b c h w", side="left")
    d.legend()
    return d


def bipartite_reasoning() -> Diagram:
    d = Diagram(600, "Positions of one map pass through a few nodes that the other map assigns")
    d.box(100, 30, "x_i", kind="tensor", width=70)
    d.box(280, 30, "x_j, the other map", kind="tensor", width=150)
    d.arrow((100, 45), (100, 84), shape="c x hw")
    d.arrow((280, 45), (280, 84), shape="c x hw")
    d.box(100, 100, "state (1x1)", kind="learned", width=110)
    d.box(280, 100, "proj (1x1)", kind="learned", width=110)
    d.arrow((100, 115), (100, 164), shape="S_i: D x hw")
    d.arrow((280, 115), (280, 188), (196, 188), shape="P_i: N x hw")
    d.box(110, 188, "positions → nodes\nV = S_i P_iᵀ", width=170)
    d.arrow((110, 213), (110, 251), shape="D x N")
    d.box(110, 275, "nodes → nodes\nW relu(V + V A + b)", kind="learned", width=170)
    d.arrow((110, 300), (110, 338), shape="D x N")
    d.box(110, 362, "nodes → positions\nextend(V' P_i)", kind="learned", width=170)
    d.arrow((280, 188), (280, 362), (196, 362))
    d.arrow((110, 387), (110, 425), shape="c x hw")
    d.box(110, 441, "norm", kind="learned", width=110)
    d.arrow((110, 456), (110, 487), shape="c x hw")
    d.arrow((64, 30), (14, 30), (14, 500), (97, 500))
    d.operation(110, 500, "+")
    d.arrow((110, 513), (110, 540), shape="y_i: b c h w")
    d.shape(280, 530, "and the same")
    d.shape(280, 545, "with i and j exchanged")
    d.legend()
    return d


def cross_attention() -> Diagram:
    d = Diagram(520, "Every position of one map reads from all positions of the other")
    d.box(75, 30, "x_i", kind="tensor", width=70)
    d.box(262, 30, "x_j, the other map", kind="tensor", width=150)
    d.arrow((75, 45), (75, 84), shape="c x hw")
    d.arrow((210, 45), (210, 84), shape="c x hw")
    d.arrow((315, 45), (315, 84), shape="c x hw")
    d.box(75, 100, "query (1x1)", kind="learned", width=95)
    d.box(210, 100, "key (1x1)", kind="learned", width=95)
    d.box(315, 100, "value (1x1)", kind="learned", width=95)
    d.arrow((85, 115), (85, 158), shape="Q: d x hw")
    d.arrow((210, 115), (210, 158), shape="K: d x hw")
    d.box(145, 183, "every position with every one\nsoftmax(Qᵀ K / √d)", width=225)
    d.arrow((145, 208), (145, 253), shape="hw x hw, a row sums to 1")
    d.arrow((335, 115), (335, 269), (219, 269), shape="V")
    d.box(145, 269, "weighted mean of V", width=145)
    d.arrow((145, 284), (145, 326), shape="d x hw")
    d.box(145, 342, "extend (1x1), norm", kind="learned", width=150)
    d.arrow((145, 357), (145, 397), shape="c x hw")
    d.arrow((39, 30), (14, 30), (14, 410), (132, 410))
    d.operation(145, 410, "+")
    d.arrow((145, 423), (145, 456), shape="y_i: b c h w")
    d.shape(290, 432, "and the same")
    d.shape(290, 447, "with i and j exchanged")
    d.legend()
    return d


def landmark_attention() -> Diagram:
    d = Diagram(440, "Equal descriptors give equal weights; positions give weights that differ")
    d.box(100, 30, "source", kind="tensor", width=110)
    d.box(280, 30, "condition", kind="tensor", width=110)
    d.arrow((100, 45), (100, 94), shape="b k 2")
    d.arrow((280, 45), (280, 94), shape="b k 2")
    d.box(190, 110, "d: a number a landmark, set after set", width=290)
    equal, unlike = [18] * 12, [9, 22, 15, 27, 6, 18, 24, 12, 30, 8, 20, 14]
    for left, name, bars in ((30, "gap: all the same", equal), (210, "position", unlike)):
        d.shape(left + 70, 150, name)
        for i, height in enumerate(bars):
            d.rectangle(left + 12 * i, 192 - height, 9, height, _BLUE if i < 6 else _ORANGE)
    d.arrow((190, 198), (190, 232), shape="b 2k")
    d.box(190, 248, "Conv1d, J = 3, along d", kind="learned", width=200)
    d.arrow((190, 263), (190, 289), shape="b 2k")
    d.box(190, 305, "sigmoid", width=200)
    d.arrow((140, 320), (140, 364), shape="w source: b k", side="left")
    d.arrow((240, 320), (240, 364), shape="w condition: b k")
    d.shape(190, 386, "each map is multiplied by its landmark's weight")
    d.legend()
    return d


def landmark_convolution() -> Diagram:
    d = Diagram(485, "A one-hot map under a convolution is a copy of the kernel at the landmark")
    d.shape(90, 24, "k maps, one 1 each")
    d.shape(290, 24, "their convolution")
    cells, side = 18, 8
    for left in (18, 218):
        for i in range(cells + 1):
            d.line([(left + i * side, 34), (left + i * side, 34 + cells * side)])
            d.line([(left, 34 + i * side), (left + cells * side, 34 + i * side)])
    for column, row in ((4, 5), (11, 8), (7, 13)):
        d.rectangle(18 + column * side, 34 + row * side, side, side, _BLUE)
        for i in range(-3, 4):
            for j in range(-3, 4):
                shade = _BLUE if i == j == 0 else _PALE
                x, y = 218 + (column + i) * side, 34 + (row + j) * side
                d.rectangle(x + 1, y + 1, side - 2, side - 2, shade)
    d.arrow((168, 106), (212, 106))
    d.box(190, 214, "landmarks", kind="tensor", width=110)
    d.arrow((190, 229), (190, 263), shape="b k 2")
    d.box(190, 287, "which outputs see a landmark,\nand by which tap", width=240)
    d.arrow((190, 312), (190, 346), shape="b k, 49 outputs of 49 taps")
    d.box(190, 362, "times the kernel's taps", kind="learned", width=240)
    d.arrow((190, 377), (190, 403), shape="b k, 49 outputs of c")
    d.box(190, 419, "added where it belongs: b c h w", width=240)
    d.legend()
    return d


def _two_streams(d: Diagram) -> None:
    """What aggregation and pose attention begin with."""
    d.box(100, 30, "appearance a", kind="tensor", width=120)
    d.box(270, 30, "shape s", kind="tensor", width=120)
    d.arrow((100, 45), (100, 86), shape="b C h w")
    d.arrow((270, 45), (270, 86), shape="C or 2C")
    for x, second in ((100, "conv 3x3, norm"), (270, "conv 3x3, to C")):
        d.box(x, 102, "conv 3x3, norm", kind="learned", width=130)
        d.arrow((x, 117), (x, 149))
        d.box(x, 165, "ReLU, dropout", width=130)
        d.arrow((x, 180), (x, 212))
        d.box(x, 228, second, kind="learned", width=130)


def aggregation() -> Diagram:
    d = Diagram(640, "The shape stream, after bipartite reasoning, gates the appearance stream")
    _two_streams(d)
    d.arrow((230, 243), (230, 292), shape="C/2", side="left")
    d.arrow((310, 243), (310, 292), shape="C/2")
    d.box(270, 317, "bipartite reasoning\nof the two halves", kind="learned", width=165)
    d.arrow((270, 342), (270, 388))
    d.shape(277, 376, "s': b C h w", anchor="start")
    d.box(270, 404, "sigmoid", width=110)
    d.arrow((270, 419), (270, 450), (114, 450))
    d.arrow((100, 243), (100, 436), shape="a'")
    d.operation(100, 450, _TIMES)
    d.arrow((100, 463), (100, 496))
    d.arrow((39, 30), (14, 30), (14, 510), (87, 510))
    d.operation(100, 510, "+")
    d.arrow((100, 523), (100, 572), shape="a_out: b C h w")
    d.arrow((113, 510), (257, 510))
    d.arrow((270, 355), (366, 355), (366, 510), (284, 510))
    d.operation(270, 510, "‖")
    d.arrow((270, 523), (270, 572), shape="s_out: 2C")
    d.shape(270, 590, "‖ joins along the channels")
    d.legend()
    return d


def pose_attention() -> Diagram:
    d = Diagram(580, "A mask of the shape code gates the update of the appearance")
    _two_streams(d)
    d.arrow((270, 243), (270, 319))
    d.shape(277, 270, "conv_S(s): C", anchor="start")
    d.box(270, 335, "sigmoid", width=110)
    d.arrow((270, 350), (270, 390), (114, 390), shape="mask M")
    d.arrow((100, 243), (100, 376), shape="conv_P(a)")
    d.operation(100, 390, _TIMES)
    d.arrow((100, 403), (100, 436))
    d.arrow((39, 30), (14, 30), (14, 450), (87, 450))
    d.operation(100, 450, "+")
    d.arrow((100, 463), (100, 512), shape="a_out: b C h w")
    d.arrow((113, 450), (257, 450))
    d.arrow((270, 283), (366, 283), (366, 450), (284, 450))
    d.operation(270, 450, "‖")
    d.arrow((270, 463), (270, 512), shape="s_out: 2C")
    d.shape(270, 530, "‖ joins along the channels")
    d.legend()
    return d


def output_heads() -> Diagram:
    d = Diagram(560, "An image, an attention map, and the blend of the image with a given one")
    d.box(190, 30, "code", kind="tensor", width=90)
    d.arrow((190, 45), (190, 62), (100, 62), (100, 90))
    d.arrow((190, 45), (190, 62), (280, 62), (280, 90))
    d.shape(190, 80, "b C h w")
    d.box(100, 115, "double the size,\nnorm, ReLU", kind="learned", width=140)
    d.box(280, 115, "double the size\n(linear)", kind="learned", width=140)
    d.arrow((100, 140), (100, 179), shape="C/2, 2h 2w")
    d.arrow((280, 140), (280, 179), shape="C/2, 2h 2w")
    d.box(100, 204, "double the size,\nnorm, ReLU", kind="learned", width=140)
    d.box(280, 204, "double the size\n(linear)", kind="learned", width=140)
    d.arrow((100, 229), (100, 266), shape="C/4, 4h 4w")
    d.arrow((280, 229), (280, 266), shape="C/4, 4h 4w")
    d.box(100, 282, "conv 7x7, tanh", kind="learned", width=140)
    d.box(280, 282, "1x1, sigmoid", kind="learned", width=140)
    d.arrow((100, 297), (100, 394))
    d.arrow((280, 297), (280, 394))
    d.shape(107, 316, "image: b 3 4h 4w", anchor="start")
    d.shape(287, 316, "A: b 1 4h 4w", anchor="start")
    d.box(190, 350, "base", kind="tensor", width=70)
    d.arrow((190, 365), (190, 394))
    d.box(190, 418, "blend\nbase * A + image * (1 - A)", width=290)
    d.arrow((190, 443), (190, 482), shape="b 3 4h 4w")
    d.box(190, 498, "result", kind="tensor", width=90)
    d.legend()
    return d


def losses() -> Diagram:
    d = Diagram(470, "Which loss looks at what")
    d.box(100, 30, "result", kind="tensor", width=110)
    d.box(280, 30, "real picture", kind="tensor", width=110)
    d.arrow((130, 45), (130, 92))
    d.arrow((250, 45), (250, 92))
    d.box(190, 108, "discriminator", kind="learned", width=190)
    d.arrow((130, 123), (130, 175), shape="features", side="left")
    d.arrow((250, 123), (250, 175), shape="logits")
    d.box(95, 200, "weak feature\nmatching", width=140)
    d.box(285, 200, "adversarial,\ngradient penalty", width=140)
    d.arrow((70, 45), (16, 45), (16, 288))
    d.arrow((310, 45), (364, 45), (364, 288))
    d.box(95, 312, "reconstruction:\nmean |difference|", width=165)
    d.box(285, 312, "perceptual: features\nof a trained network", width=165)
    d.shape(190, 270, "each compares the result with the real picture")
    d.box(190, 392, "contrastive: embeddings of pairs", width=260)
    d.shape(190, 424, "a module or function each; none of them steps")
    d.legend()
    return d


def deformation() -> Diagram:
    """Grids are bent by the function itself: each channel of the picture is a coordinate."""
    d = Diagram(300, "A picture bent so that its landmarks come to lie at the targets")
    side = 150
    landmarks = torch.tensor([[[45.0, 55], [105, 55], [75, 85], [55, 110], [95, 110], [75, 135]]])
    targets = torch.tensor([[[55.0, 50], [118, 66], [92, 92], [50, 104], [92, 122], [66, 140]]])
    there = torch.stack(
        [torch.arange(side).expand(side, side), torch.arange(side)[:, None].expand(side, side)]
    )
    # Where does a pixel of the source go? By the deformation from the targets to the landmarks.
    moved = bend_to_landmarks(there[None].float(), targets, landmarks)[0]
    lines = range(3, side, 16)
    for left, points in ((20, landmarks), (210, targets)):
        where = there.float() if left == 20 else moved
        for line in lines:
            for path in (where[:, line], where[:, :, line]):
                d.line([(left + float(x), 40 + float(y)) for x, y in path.T[::6]], "#8d8d86")
        for x, y in points[0].tolist():
            d.dot(left + x, 40 + y, _BLUE if left == 20 else _ORANGE, 5)
    d.shape(95, 24, "picture and its landmarks")
    d.shape(285, 24, "bent to the targets")
    d.arrow((173, 115), (205, 115))
    d.shape(190, 222, "every pixel v has an affine map of its own,")
    d.shape(190, 240, "fitted to all landmarks, those near v counting most:")
    d.text(190, 270, "weight 1 / (|p - v|² + e)")
    return d


def light_matching() -> Diagram:
    d = Diagram(
        640, "A plane of color and two contrasts, then the strength of each octave of detail"
    )
    for middle, label in ((100, "x, bent"), (280, "source")):
        d.box(middle, 36, label, kind="tensor", width=110)
        d.arrow((middle, 51), (middle, 83), shape="b 3 h w, within the mask")
        d.box(middle, 107, "robust least squares\nc + s_u u + s_v v", width=160)
        d.arrow((middle, 132), (middle, 164), shape="plane and contrasts")
    d.box(190, 190, "x - p, its gray and its colors\nscaled, and p' added", width=260)
    d.arrow((190, 215), (190, 247), shape="b 3 h w: match_light")
    d.box(190, 273, "Laplacian pyramid\nof both", width=180)
    d.arrow((190, 298), (190, 330), shape="bands of one octave each")
    d.box(190, 356, "band_i of x times\ng_i = min(1, g_i+1, strengths' ratio)", width=280)
    d.arrow((190, 381), (190, 413), shape="b 3 h w: match_sharpness")
    d.box(190, 429, "x in the source's light, no sharper", kind="tensor", width=270)
    d.shape(190, 480, "nothing is learned; of the source")
    d.shape(190, 498, "20 numbers and a gain an octave go along")
    d.legend()
    return d


def projected_discriminator() -> Diagram:
    d = Diagram(660, "Features of a frozen network are mixed at random; only small heads learn")
    d.box(110, 30, "image", kind="tensor", width=110)
    d.arrow((110, 45), (110, 77), shape="b 3 h w")
    d.box(190, 102, "trained network, frozen\nf_1 ... f_4, strides 4 to 32", width=300)
    for x, height, name in ((70, 60, "f_1"), (150, 44, "f_2"), (230, 30, "f_3"), (310, 18, "f_4")):
        d.arrow((x, 127), (x, 188 - height / 2))
        d.rectangle(x - height / 2, 190 - height / 2, height, height, _PALE)
        d.text(x, 195, name, size=13)
        d.arrow((x, 190 + height / 2), (x, 246))
        d.box(x, 262, "V 1x1", width=62)
        d.arrow((x, 277), (x, 299))
        d.operation(x, 312, "+")
        d.arrow((x, 325), (x, 343))
        d.box(x, 359, "W 3x3", width=62)
        d.arrow((x, 374), (x, 426))
        d.box(x, 442, "head", kind="learned", width=62)
        d.arrow((x, 457), (x, 491))
        d.shape(x, 504, "logits")
    for x in (310, 230, 150):  # from the coarser scale, enlarged
        d.arrow((x - 31, 359), (x - 40, 359), (x - 40, 312), (x - 67, 312))
    d.shape(190, 530, "what leaves W is enlarged for the finer scale,")
    d.shape(190, 545, "and divided by its size for the head")
    d.box(100, 599, "landmarks", kind="tensor", width=120)
    d.box(280, 599, "condition c", kind="tensor", width=130)
    d.shape(100, 577, "maps are added to m_l")
    d.shape(280, 577, "<V c, h_l> to the logits")
    d.legend()
    return d


def augmentation() -> Diagram:
    """The right grid is moved by a change itself, as landmarks are."""
    d = Diagram(500, "Images and landmarks are moved alike; how strongly follows from the logits")
    side, left, right = 150, 20, 210
    turn, zoom, shift = 0.26, 0.9, torch.tensor([9.0, -6.0])
    cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
    matrix = torch.tensor([[cos, -sin], [sin, cos]])
    middle = torch.full((2,), (side - 1) / 2)
    affine = torch.cat([matrix, (middle - matrix @ middle + shift)[:, None]], 1)[None]
    ones = torch.ones(1, 3, 1, 1)
    change = RandomChange(affine, ones, 0 * ones)
    points = torch.tensor([[45.0, 55], [105, 55], [75, 85], [55, 112], [95, 112]])[None]
    for start, moves in ((left, False), (right, True)):
        for fixed in range(11, side, 16):
            for along in ((0, 1), (1, 0)):
                ends = torch.tensor([[11.0, 11], [139, 139]])
                ends[:, along[0]] = fixed
                line = change.of_landmarks(ends[None])[0] if moves else ends
                d.line([(start + float(x), 40 + float(y)) for x, y in line], "#8d8d86")
        where = change.of_landmarks(points)[0] if moves else points[0]
        for x, y in where.tolist():
            d.dot(start + x, 40 + y, _ORANGE if moves else _BLUE, 5)
    d.rectangle(right + 84, 122, 50, 50, "#1d1d1b")
    d.shape(95, 24, "images and their landmarks")
    d.shape(285, 24, "moved, in other colors, a hole")
    d.arrow((173, 115), (205, 115))
    d.arrow((285, 196), (285, 234), shape="real, generated", side="left")
    d.box(285, 250, "discriminator", kind="learned", width=150)
    d.arrow((285, 265), (285, 307), shape="of real images", side="left")
    d.box(285, 331, "r = mean of signs\nover a few batches", width=170)
    d.arrow((285, 356), (285, 392))
    d.box(285, 416, "r > 0.6: stronger\nr < 0.6: weaker", width=170)
    d.arrow((200, 416), (95, 416), (95, 262))
    d.box(95, 246, "draw_change", width=130)
    d.arrow((95, 230), (95, 208), (189, 208), (189, 121))
    d.shape(104, 330, "strength, 0 to 1", anchor="start")
    d.legend()
    return d


def full_resolution() -> Diagram:
    d = Diagram(480, "What the network changed of the small condition is enlarged and added")
    d.box(190, 30, "condition, source", kind="tensor", width=160)
    d.arrow((190, 45), (190, 82), shape="b 3 H W")
    d.box(190, 106, "fitted at H x W:\npose, light, sharpness", width=190)
    d.arrow((120, 131), (120, 172), shape="base", side="left")
    d.box(120, 188, "shrink", width=110)
    d.arrow((120, 203), (120, 241), shape="base_small", side="left")
    d.box(120, 265, "the network,\nat its own size", kind="learned", width=150)
    d.arrow((120, 290), (120, 328), shape="I_small - base_small", side="left")
    d.box(120, 344, "up", width=56)
    d.arrow((270, 131), (270, 412), (203, 412), shape="base")
    d.arrow((120, 359), (120, 412), (177, 412))
    d.operation(190, 412, "+")
    d.shape(250, 440, "I: b 3 H W")
    d.legend()
    return d


PICTURES: dict[str, Callable[[], Diagram]] = {
    draw.__name__: draw
    for draw in (
        channel_attention,
        bipartite_reasoning,
        cross_attention,
        landmark_attention,
        landmark_convolution,
        aggregation,
        pose_attention,
        output_heads,
        losses,
        deformation,
        light_matching,
        projected_discriminator,
        augmentation,
        full_resolution,
    )
}

if __name__ == "__main__":
    run_command(main, Options)
