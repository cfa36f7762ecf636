import golden
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import GraphConv, SoftmaxAggregation

from graphgan.layers import BipartiteGraphConv, BipartiteReasoning, NodeReasoning
from graphgan.models._published_layouts import bipartite_reasoning

size = st.integers(1, 5)
seeds = st.integers(0, 999)


def random_graph(s: int, t: int) -> Tensor:
    """Some of all edges; some targets are left with none."""
    return (torch.rand(s, t) < 0.5).nonzero().T


def nodes(batch: int, s: int, t: int, conv: BipartiteGraphConv) -> tuple[Tensor, Tensor]:
    c_src, c_dst = conv.in_channels
    return torch.randn(batch, s, c_src).double(), torch.randn(batch, t, c_dst).double()


def complete(first: int, second: int) -> Tensor:
    return torch.cartesian_prod(torch.arange(first), torch.arange(second)).T


# BipartiteGraphConv


@given(b=size, s=size, t=size, c=size, seed=seeds, linear=st.booleans(), bias=st.booleans())
def test_sums_agree_with_the_dense_formula(b, s, t, c, seed, linear, bias):
    torch.manual_seed(seed)
    widths = (c, c + 1) if linear else (c, c)
    conv = BipartiteGraphConv(widths, linear=linear, bias=bias).double()
    (x_src, x_dst), edges = nodes(b, s, t, conv), random_graph(s, t)
    weights = torch.randn(b, edges.shape[1]).double()
    adjacency = torch.zeros(b, s, t).double()
    adjacency[:, edges[0], edges[1]] = weights
    sent = x_src
    if linear:
        sent = x_src @ conv.lin.weight.T + (conv.lin.bias if bias else 0)
    out = conv((x_src, x_dst), edges, weights)
    torch.testing.assert_close(out, x_dst + torch.einsum("bst,bsc->btc", adjacency, sent))
    received = conv.receive_dense(x_src, adjacency)
    torch.testing.assert_close(conv.receive(x_src, t, edges, weights), received)


@pytest.mark.parametrize("aggr", ["mean", "max"])
@given(s=size, t=size, seed=seeds)
def test_means_and_maxima_are_over_the_edges_that_arrive(aggr, s, t, seed):
    torch.manual_seed(seed)
    conv = BipartiteGraphConv((2, 3), aggr=aggr).double()
    (x_src, x_dst), edges = nodes(1, s, t, conv), random_graph(s, t)
    sent, out = conv.lin(x_src), conv((x_src, x_dst), edges)
    for target in range(t):
        arriving = sent[0, edges[0, edges[1] == target]]
        if len(arriving) == 0:
            expected = torch.zeros(3).double()
        else:
            expected = arriving.mean(0) if aggr == "mean" else arriving.amax(0)
        torch.testing.assert_close(out[0, target] - x_dst[0, target], expected)


@pytest.mark.parametrize("aggr", ["sum", "mean", "max"])
@given(s=size, t=size, seed=seeds)
def test_the_order_of_the_edges_does_not_matter(aggr, s, t, seed):
    torch.manual_seed(seed)
    conv = BipartiteGraphConv((2, 3), aggr=aggr).double()
    x, edges = nodes(2, s, t, conv), random_graph(s, t)
    weights, order = torch.rand(2, edges.shape[1]).double(), torch.randperm(edges.shape[1])
    out = conv(x, edges[:, order], weights[:, order])
    torch.testing.assert_close(out, conv(x, edges, weights))


def test_targets_without_edges_stay_as_they_are():
    conv = BipartiteGraphConv((2, 3)).double()
    x = nodes(2, 4, 5, conv)
    out = conv(x, torch.tensor([[0, 1, 3], [2, 2, 4]]))
    assert torch.equal(out[:, [0, 1, 3]], x[1][:, [0, 1, 3]])
    assert not torch.isclose(out[:, [2, 4]], x[1][:, [2, 4]]).any()
    assert torch.equal(conv(x, torch.zeros(2, 0).long()), x[1])


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("src", "dst", "edges", "weights", "message"),
    [
        ((5, 2), (5, 4), (2, 0), None, r"widths \(2, 3\), got \(2, 4\)"),
        ((5, 3), (5, 2), (2, 0), None, r"widths \(2, 3\), got \(3, 2\)"),
        ((5, 2), (5, 3), (3, 4), None, r"edge_index of shape \(2, e\), got \(3, 4\)"),
        ((5, 2), (5, 3), (4,), None, r"edge_index of shape \(2, e\), got \(4,\)"),
        ((5, 2), (5, 3), (2, 4), (3,), r"4 edge weights, got \(3,\)"),
        ((5, 2), (5, 3), (2, 4), (1,), r"4 edge weights, got \(1,\)"),
        ((2, 5, 2), (3, 5, 3), (2, 4), None, r"one batch, got \(2, 5, 2\) and \(3, 5, 3\)"),
    ],
)
def test_refuses_other_nodes_and_edges(src, dst, edges, weights, message):
    conv = BipartiteGraphConv((2, 3))
    weights = None if weights is None else torch.ones(weights)
    with pytest.raises(ValueError, match=message):
        conv((torch.ones(src), torch.ones(dst)), torch.zeros(edges).long(), weights)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([[5], [0]], "from 0 to 4, got 5"),
        ([[0], [4]], "from 0 to 3, got 4"),
        ([[-1, 5], [0, 0]], "from 0 to 4, got -1"),
    ],
)
def test_refuses_a_node_that_does_not_exist(edges, message):
    conv = BipartiteGraphConv((2, 3))
    with pytest.raises(ValueError, match=f"expected edge_index {message}"):
        conv((torch.ones(5, 2), torch.ones(4, 3)), torch.tensor(edges))


@given(s=size, t=size, c=size, o=size, aggr=st.sampled_from(["add", "mean"]), seed=seeds)
def test_it_is_torch_geometric_s_graph_convolution(s, t, c, o, aggr, seed):
    torch.manual_seed(seed)
    other = o + (o == c + 1)  # an equal width is added as it is, theirs is not
    conv = BipartiteGraphConv((c, c + 1), other, aggr=aggr, bias=False).double()
    theirs = GraphConv((c, c + 1), other, aggr=aggr, bias=False).double()
    theirs.lin_rel.weight, theirs.lin_root.weight = conv.lin.weight, conv.own.weight
    x_src, x_dst = torch.randn(s, c).double(), torch.randn(t, c + 1).double()
    edges = random_graph(s, t)
    weights = torch.randn(edges.shape[1]).double()
    for x in ((x_src, x_dst), (x_src, None)):
        expected = theirs(x, edges, weights, size=(s, t))
        torch.testing.assert_close(conv(x, edges, weights, size=(s, t)), expected)
        torch.testing.assert_close(conv(x, edges, size=(s, t)), theirs(x, edges, size=(s, t)))


def test_aggregations_of_torch_geometric_can_be_used():
    conv = BipartiteGraphConv(3, 4, aggr=SoftmaxAggregation(learn=True))
    x, edges = torch.randn(4, 3), torch.tensor([[0, 1, 2], [3, 3, 0]])
    sent, shares = conv.lin(x), conv.lin(x[:2]).softmax(0)
    expected = conv.own(x)
    expected = expected + torch.stack(
        [sent[2], 0 * sent[0], 0 * sent[0], (shares * sent[:2]).sum(0)]
    )
    torch.testing.assert_close(conv(x, edges), expected)
    conv(x, edges).square().sum().backward()
    assert conv.messages.aggr_module.t.grad.any()
    with pytest.raises(
        ValueError, match="complete graph to be one of 'sum', 'add', 'mean'; got 'So"
    ):
        conv.receive_dense(x, torch.ones(4, 4))


def test_reset_parameters_draws_linear_maps_anew_and_resets_the_aggregation():
    conv = BipartiteGraphConv((3, 2), 4, aggr=SoftmaxAggregation(learn=True))
    state = {name: value.clone() for name, value in conv.state_dict().items()}
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.fill_(7)
    conv.reset_parameters()
    again = conv.state_dict()
    assert not any((again[name] == 7).any() for name in state)
    drawn = ("lin.weight", "lin.bias", "own.weight")
    assert not any(torch.equal(again[name], state[name]) for name in drawn)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("widths", "x", "message"),
    [
        ((2, 3), torch.ones(5, 2), r"two node sets .* 2 and 3, got one tensor of shape \(5, 2\)"),
        ((2, 2), (torch.ones(5, 2), torch.ones(5, 3)), r"use BipartiteGraphConv\(\(2, 3\), out"),
        ((2, 2), torch.ones(5, 3), r"widths \(2, 2\), got \(3, 3\)"),
        ((2, 3), (torch.ones(5, 3), None), r"got 3; for these use BipartiteGraphConv\(3, out"),
        ((2, 3), (None, torch.ones(5, 3)), r"\(x_src, x_dst\) or \(x_src, None\)"),
    ],
)
def test_forms_of_torch_geometric_that_are_mixed_up_are_named(widths, x, message):
    with pytest.raises(ValueError, match=message):
        BipartiteGraphConv(widths)(x, torch.zeros(2, 0).long())


@pytest.mark.unhooked
def test_two_arguments_or_a_pair_in_the_wrong_place_are_named():
    with pytest.raises(ValueError, match=r"int64, got torch.float32 .* one pair \(x_src, x_dst\)"):
        BipartiteGraphConv(2)(torch.ones(5, 2), torch.ones(4, 2), torch.zeros(2, 0).long())
    with pytest.raises(ValueError, match=r"as one width, got \(16, 4\); for two node sets use"):
        BipartiteGraphConv(8, (16, 4))


# NodeReasoning


@given(n=size, d=size, seed=seeds)
def test_nodes_reason_by_the_formula(n, d, seed):
    torch.manual_seed(seed)
    reasoning = NodeReasoning(n, d).double()
    x = torch.randn(2, n, d).double()
    v = x.transpose(1, 2)  # D x N, as in the paper
    inner = torch.relu(v + v @ reasoning.adjacency + reasoning.bias)
    expected = reasoning.lin.weight @ inner
    torch.testing.assert_close(reasoning(x), expected.transpose(1, 2))
    torch.testing.assert_close(reasoning(x, complete(n, n)), reasoning(x))


def test_a_missing_edge_is_a_zero_in_the_adjacency():
    reasoning, x = NodeReasoning(4, 3).double(), torch.randn(2, 4, 3).double()
    edges = random_graph(4, 4)
    out = reasoning(x, edges)
    kept = torch.zeros(4, 4).double()
    kept[edges[0], edges[1]] = 1
    with torch.no_grad():
        reasoning.adjacency *= kept
    torch.testing.assert_close(out, reasoning(x))


# BipartiteReasoning


def by_hand(module: BipartiteReasoning, x_1, x_2, kept=(None, None)) -> tuple[Tensor, Tensor]:
    """The formula of the paper in plain einsum, with batch normalization in eval mode."""
    out, norm = [], module.norm
    for i, (x, other) in enumerate(((x_1, x_2), (x_2, x_1))):
        proj, nodes = module.proj[i % len(module.proj)], module.nodes[i]
        flat, given = x.flatten(2), other.flatten(2)
        state = torch.einsum("dc,bcp->bdp", module.state.lin.weight, flat)
        state = state + module.state.lin.bias[:, None]
        assignment = torch.einsum("nc,bcp->bnp", proj.weight, given) + proj.bias[:, None]
        if kept[i] is not None:
            assignment = assignment * kept[i]
        v = torch.einsum("bdp,bnp->bdn", state, assignment)
        v = torch.relu(v + torch.einsum("bdm,mn->bdn", v, nodes.adjacency) + nodes.bias)
        v = torch.einsum("ed,bdn->ben", nodes.lin.weight, v)
        y = torch.einsum("bdn,bnp->bdp", v, assignment)
        y = torch.einsum("cd,bdp->bcp", module.extend.lin.weight, y)
        y = (y - norm.running_mean[:, None]) / torch.sqrt(norm.running_var[:, None] + 1e-4)
        y = norm.weight[:, None] * y + norm.bias[:, None]
        out.append(x + y.view_as(x))
    return out[0], out[1]


def reasoning_of(channels: int, num_nodes, **options) -> BipartiteReasoning:
    module = BipartiteReasoning(channels, num_nodes, **options).double().eval()
    with torch.no_grad():
        for buffer in (module.norm.running_mean, module.norm.weight, module.norm.bias):
            buffer.normal_()
        module.norm.running_var.uniform_(0.5, 2)
    return module


def two_maps(channels: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    return torch.randn(2, channels, h, w).double(), torch.randn(2, channels, h, w).double()


@given(c=size, n=size, d=size, h=size, w=size, seed=seeds)
def test_both_paths_agree_with_the_formula(c, n, d, h, w, seed):
    torch.manual_seed(seed)
    module = reasoning_of(c, n, num_states=d)
    x_1, x_2 = two_maps(c, h, w)
    expected = by_hand(module, x_1, x_2)
    torch.testing.assert_close(module(x_1, x_2), expected)
    edges, node_edges = complete(h * w, n), complete(n, n)
    for options in (
        {"edge_index": edges},
        {"node_edge_index": node_edges},
        {"edge_index": edges, "node_edge_index": node_edges},
        {"edge_index": (edges, edges.flip(1)), "node_edge_index": (node_edges, node_edges)},
    ):
        torch.testing.assert_close(module(x_1, x_2, **options), expected, rtol=1e-5, atol=1e-5)


@given(n=size, h=size, w=size, seed=seeds)
def test_a_missing_edge_is_a_zero_in_the_assignment(n, h, w, seed):
    torch.manual_seed(seed)
    module = reasoning_of(3, n)
    x_1, x_2 = two_maps(3, h, w)
    kept = [torch.rand(n, h * w) < 0.5 for _ in range(2)]
    lists = tuple(mask.T.nonzero().T for mask in kept)  # (position, node)
    torch.testing.assert_close(module(x_1, x_2, edge_index=lists), by_hand(module, x_1, x_2, kept))
    both = module(x_1, x_2, edge_index=lists[0])
    torch.testing.assert_close(both, by_hand(module, x_1, x_2, (kept[0], kept[0])))


@torch.no_grad()
def test_only_sums_over_positions_depend_on_the_size_of_the_maps():
    """Each pixel three times and five times as large: what is said of it is to stay the same."""
    x_1, x_2 = two_maps(3, 4, 3)

    def updates(module: BipartiteReasoning) -> list[Tensor]:
        pairs = (
            [x.repeat_interleave(n, 2).repeat_interleave(n, 3) for x in (x_1, x_2)]
            for n in (1, 3, 5)
        )
        return [module(*pair)[0] - pair[0] for pair in pairs]

    published = [u.std() for u in updates(reasoning_of(3, 4))]
    assert published[1] > 4 * published[0]
    assert published[2] > 2 * published[1]
    small, *larger = updates(reasoning_of(3, 4, aggr="mean"))
    for n, update in zip((3, 5), larger, strict=True):
        torch.testing.assert_close(update, small.repeat_interleave(n, 2).repeat_interleave(n, 3))
    torch.manual_seed(0)
    of_groups = BipartiteReasoning(3, 4, norm="group").double()
    for update in updates(of_groups):
        torch.testing.assert_close(
            update.square().mean(), torch.tensor(1.0).double(), atol=0.01, rtol=0
        )


@given(pair=st.tuples(size, size), seed=seeds)
def test_directions_may_have_different_numbers_of_nodes(pair, seed):
    torch.manual_seed(seed)
    module = reasoning_of(3, pair)
    assert [proj.out_features for proj in module.proj] == list(pair)
    assert module.num_states == 2 * pair[0]
    x = two_maps(3, 2, 3)
    expected = by_hand(module, *x)
    torch.testing.assert_close(module(*x), expected)
    edges = tuple(complete(6, n) for n in pair)
    node_edges = tuple(complete(n, n) for n in pair)
    torch.testing.assert_close(module(*x, edge_index=edges, node_edge_index=node_edges), expected)


@pytest.mark.parametrize("sparse", [False, True])
def test_gives_the_published_numbers(sparse):
    module = BipartiteReasoning(8, 4, num_states=8).eval()
    state, rows = golden.state(golden.layout("bipartite_unit")), bipartite_reasoning()
    module.load_state_dict({row.ours: row.to_ours(state[row.published]) for row in rows})
    x_1, x_2 = golden.images("bipartite_unit/input", 2, 16, 6, 5).chunk(2, dim=1)
    options = {"edge_index": complete(30, 4), "node_edge_index": complete(4, 4)} if sparse else {}
    out = torch.cat(module(x_1, x_2, **options), dim=1)
    torch.testing.assert_close(out, golden.expected("bipartite_unit")["output"], rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ({"edge_index": torch.tensor([[9], [0]])}, "edge_index from 0 to 8, got 9"),
        ({"edge_index": torch.tensor([[0], [3]])}, "edge_index from 0 to 2, got 3"),
        ({"node_edge_index": torch.tensor([[0], [3]])}, "node_edge_index from 0 to 2, got 3"),
    ],
)
def test_refuses_positions_and_nodes_that_do_not_exist(edges, message):
    x = torch.ones(2, 4, 3, 3)
    with pytest.raises(ValueError, match=message):
        BipartiteReasoning(4, 3)(x, x, **edges)
