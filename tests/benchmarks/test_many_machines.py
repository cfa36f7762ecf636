import pytest

from graphgan.commands import parse_options


@pytest.fixture(scope="module")
def paper(benchmark_modules):
    return benchmark_modules["many_machines"]


def test_all_reduces_by_hand(paper):
    link = paper.Link(bandwidth=1e9, latency=1e-3)
    # Each of 4 GPUs sends a quarter of 8 MB six times: 6 (2 ms + 1 ms).
    assert paper.ring_seconds(8e6, 4, link) == pytest.approx(0.018)
    # All of it up and down, two hops each way: 2 (8 ms + 2 ms).
    assert paper.tree_seconds(8e6, 4, link) == pytest.approx(0.020)
    assert paper.ring_seconds(8e6, 1, link) == paper.tree_seconds(8e6, 1, link) == 0


def test_gradients_travel_in_buckets(paper):
    mib = 2**20
    assert paper.buckets(mib // 2) == [mib // 2]
    assert paper.buckets(26 * mib) == [mib, 25 * mib]
    assert paper.buckets(60 * mib) == [mib, 25 * mib, 25 * mib, 9 * mib]


def test_a_step_s_communication_by_hand(paper):
    link = paper.Link(bandwidth=1e9, latency=1e-3)
    # Two networks of a bucket each and three small messages over two GPUs: 1e6 bytes, 5 x 2 hops.
    ring, _ = paper.communication_seconds([600_000, 400_000], 2, link)
    assert ring == pytest.approx(1e6 / 1e9 + 5 * 2e-3, rel=1e-4)


def test_efficiency_by_hand(paper):
    assert paper.efficiency(0.1, 0.025) == pytest.approx(0.8)
    assert paper.efficiency(0.1, 0.05, overlap=0.5) == pytest.approx(0.8)
    assert paper.efficiency(0.1, 7, overlap=1) == 1


def test_the_table_takes_the_slower_link_between_nodes(paper):
    options = paper.Options(
        step_seconds=(0.1,),
        gpus=(8, 16),
        bandwidth=1e9,
        node_bandwidth=1e10,
        latency=0,
        node_latency=0,
    )
    within, between = paper.table(options, [100_000_000])[2:]
    # 2 * 7/8 * 100 MB at 10 GB/s, 2 * 15/16 * 100 MB at 1 GB/s; by trees 2 * 100 MB
    assert within == "| 8 | 17.5 / 20.0 ms | 85 / 83 % |"
    assert between == "| 16 | 187.5 / 200.0 ms | 35 / 33 % |"


@pytest.mark.parametrize(
    "flags", ["--gpus 0", "--step-seconds 0", "--bandwidth -1", "--overlap 2", "--latency -1"]
)
def test_impossible_numbers_are_refused(paper, flags):
    with pytest.raises(ValueError, match="expected"):
        parse_options(paper.Options, flags.split())
