import torch
from colored_faces import SIZE, shape_of_a_face

from graphgan.evaluation._measures.comparing import COMPARED, SEAM, SHARPNESS, compared


def test_one_picture_after_the_other_says_the_same_as_all_at_once():
    originals = torch.randint(256, (3, 3, SIZE, SIZE), dtype=torch.uint8)
    results = originals.clone()
    results[:, :, 40:90, 40:90] = 127
    landmarks = (shape_of_a_face() * 60 + 34).expand(3, -1, -1)
    together = compared(results, originals, landmarks)
    assert tuple(together) == COMPARED
    for i in range(3):
        alone = compared(results[i : i + 1], originals[i : i + 1], landmarks[i : i + 1])
        for name in COMPARED:
            torch.testing.assert_close(alone[name][0], together[name][i], equal_nan=True)
    assert (together[SHARPNESS][:, 0] < 0.5).all() and (together[SHARPNESS][:, 1] == 1).all()
    assert (together[SEAM][:, 1] == 1).all()
