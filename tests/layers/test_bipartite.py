import golden
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import GraphConv, SoftmaxAggregation

from graphgan.layers.bipartite import BipartiteGraphConv, BipartiteReasoning, NodeReasoning
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


@given(s=size, t=size, seed=seeds)
def test_the_order_of_the_nodes_is_only_a_name(s, t, seed):
    torch.manual_seed(seed)
    conv = BipartiteGraphConv((2, 3)).double()
    (x_src, x_dst), edges = nodes(2, s, t, conv), random_graph(s, t)
    sources, targets = torch.randperm(s), torch.randperm(t)
    renamed = torch.stack([sources.argsort()[edges[0]], targets.argsort()[edges[1]]])
    out = conv((x_src[:, sources], x_dst[:, targets]), renamed)
    torch.testing.assert_close(out, conv((x_src, x_dst), edges)[:, targets])


def test_targets_without_edges_stay_as_they_are():
    conv = BipartiteGraphConv((2, 3)).double()
    x = nodes(2, 4, 5, conv)
    out = conv(x, torch.tensor([[0, 1, 3], [2, 2, 4]]))
    assert torch.equal(out[:, [0, 1, 3]], x[1][:, [0, 1, 3]])
    assert not torch.isclose(out[:, [2, 4]], x[1][:, [2, 4]]).any()
    assert torch.equal(conv(x, torch.zeros(2, 0).long()), x[1])


def test_an_edge_twice_counts_twice():
    conv = BipartiteGraphConv((2, 2)).double()
    x = nodes(1, 2, 2, conv)
    twice = conv(x, torch.tensor([[0, 0], [1, 1]]))
    heavy = conv(x, torch.tensor([[0], [1]]), torch.tensor([2.0]).double())
    torch.testing.assert_close(twice, heavy)


def test_items_may_share_their_edge_weights_or_have_their_own():
    conv = BipartiteGraphConv((2, 3)).double()
    x_src, x_dst = nodes(2, 4, 5, conv)
    edges, weights = torch.tensor([[0, 1, 3], [2, 2, 4]]), torch.rand(2, 3).double()
    own = conv((x_src, x_dst), edges, weights)
    for i in range(2):
        torch.testing.assert_close(own[i], conv((x_src[i], x_dst[i]), edges, weights[i]))
    shared = conv((x_src, x_dst), edges, weights[0])
    torch.testing.assert_close(shared, conv((x_src, x_dst), edges, weights[:1].expand(2, -1)))


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


@pytest.mark.unhooked
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool])
def test_refuses_edges_that_are_no_indices(dtype):
    conv = BipartiteGraphConv((2, 3))
    with pytest.raises(ValueError, match=f"edge_index of int64, got {dtype}"):
        conv((torch.ones(5, 2), torch.ones(4, 3)), torch.zeros(2, 1, dtype=dtype))


def test_no_edges_send_nothing():
    conv = BipartiteGraphConv((2, 3))
    x_dst = torch.rand(4, 3)
    assert torch.equal(conv((torch.ones(5, 2), x_dst), torch.zeros(2, 0).long()), x_dst)


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


def test_one_set_of_nodes_is_a_tensor_as_well_as_a_pair():
    conv, x, edges = BipartiteGraphConv(3, 4), torch.randn(2, 5, 3), random_graph(5, 5)
    assert torch.equal(conv(x, edges), conv((x, x), edges))
    torch.testing.assert_close(conv.own(x) + conv((x, None), edges), conv(x, edges))
    same = BipartiteGraphConv(3)
    torch.testing.assert_close(same(x, edges), x + same((x, None), edges))


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
        ((2, 2), (torch.ones(5, 2), torch.ones(5, 3)), r"is BipartiteGraphConv\(\(2, 3\), out"),
        ((2, 2), torch.ones(5, 3), r"widths \(2, 2\), got \(3, 3\)"),
        ((2, 3), (torch.ones(5, 3), None), r"got 3; for these it is BipartiteGraphConv\(3, out"),
        ((2, 3), (None, torch.ones(5, 3)), r"\(x_src, x_dst\) or \(x_src, None\)"),
    ],
)
def test_forms_of_torch_geometric_that_are_mixed_up_are_named(widths, x, message):
    with pytest.raises(ValueError, match=message):
        BipartiteGraphConv(widths)(x, torch.zeros(2, 0).long())


@pytest.mark.unhooked
@pytest.mark.parametrize("widths", [(2,), (2, 3, 4), "23", 2.0])
def test_refuses_widths_that_are_no_pair(widths):
    with pytest.raises(ValueError, match=r"one width or as a pair \(c_src, c_dst\), got"):
        BipartiteGraphConv(widths)


@pytest.mark.unhooked
def test_refuses_matrices_in_place_of_edges_and_another_size():
    conv, x = BipartiteGraphConv(2), torch.ones(2, 2)
    with pytest.raises(ValueError, match=r"edge_index as an edge list, .* got torch.sparse_coo"):
        conv(x, torch.eye(2).to_sparse())
    with pytest.raises(ValueError, match=r"size of \(2, targets\), got \(3, 2\)"):
        conv((x, None), torch.zeros(2, 0).long(), size=(3, 2))


@pytest.mark.unhooked
def test_an_unknown_aggregation_lists_the_known_ones():
    with pytest.raises(ValueError, match="sum"):
        BipartiteGraphConv((2, 3), aggr="summ")


def test_without_a_linear_map_the_widths_are_equal():
    with pytest.raises(ValueError, match=r"equal widths without a linear map, got \(2, 3\)"):
        BipartiteGraphConv((2, 3), linear=False)


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


@given(h=size, w=size, seed=seeds)
def test_both_paths_of_means_agree(h, w, seed):
    torch.manual_seed(seed)
    module, x = reasoning_of(3, 4, aggr="mean"), two_maps(3, h, w)
    torch.testing.assert_close(module(*x, edge_index=complete(h * w, 4)), module(*x))


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


def test_the_other_map_decides_the_assignment():
    module = reasoning_of(4, 3)
    x_1, x_2 = two_maps(4, 3, 3)
    with torch.no_grad():
        for proj in module.proj:
            proj.bias.zero_()
    # An empty second map assigns no position of the first to a node: nothing but the norm's shift.
    nothing = module.norm(torch.zeros_like(x_1))
    y_1, y_2 = module(x_1, torch.zeros_like(x_2))
    torch.testing.assert_close(y_1, x_1 + nothing)
    assert not torch.allclose(y_2, nothing)  # while its own update is assigned by the first


def test_exchanged_maps_and_directions_give_exchanged_results():
    module, swapped = reasoning_of(4, 3), reasoning_of(4, 3)
    state = module.state_dict()
    names = {"nodes.0.": "nodes.1.", "nodes.1.": "nodes.0."}
    swapped.load_state_dict({names.get(k[:8], k[:8]) + k[8:]: v for k, v in state.items()})
    x_1, x_2 = two_maps(4, 2, 3)
    y_1, y_2 = module(x_1, x_2)
    torch.testing.assert_close(swapped(x_2, x_1), (y_2, y_1))
    assert not torch.allclose(module(x_2, x_1)[0], y_2)  # the graph convolution is not shared


def test_positions_have_no_order():
    module, order = reasoning_of(4, 3), torch.randperm(12)
    x = two_maps(4, 3, 4)
    shuffled = (m.flatten(2)[..., order].view_as(m) for m in x)
    expected = [y.flatten(2)[..., order].view_as(y) for y in module(*x)]
    torch.testing.assert_close(module(*shuffled), tuple(expected))


def test_the_published_sizes_and_norm():
    module = BipartiteReasoning(128, 64)
    assert (module.num_states, module.norm.eps, len(module.proj)) == (128, 1e-4, 1)
    assert module.extend.lin.bias is None
    assert module.proj[0].bias is not None


@pytest.mark.parametrize("sparse", [False, True])
def test_gives_the_published_numbers(sparse):
    module = BipartiteReasoning(8, 4, num_states=8).eval()
    state, rows = golden.state(golden.layout("bipartite_unit")), bipartite_reasoning()
    module.load_state_dict({row.ours: row.to_ours(state[row.published]) for row in rows})
    x_1, x_2 = golden.images("bipartite_unit/input", 2, 16, 6, 5).chunk(2, dim=1)
    options = {"edge_index": complete(30, 4), "node_edge_index": complete(4, 4)} if sparse else {}
    out = torch.cat(module(x_1, x_2, **options), dim=1)
    torch.testing.assert_close(out, golden.expected("bipartite_unit")["output"], rtol=0, atol=2e-5)


@pytest.mark.unhooked
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((2, 5, 3, 3), (2, 4, 3, 3), r"x_1 of shape \(b, 4, h, w\), got \(2, 5, 3, 3\)"),
        ((2, 4, 3, 3), (2, 5, 3, 3), r"x_2 of shape \(b, 4, h, w\), got \(2, 5, 3, 3\)"),
        ((2, 4, 3, 3), (2, 4, 3, 2), r"one shape, got \(2, 4, 3, 3\) and \(2, 4, 3, 2\)"),
        ((1, 4, 3, 3), (2, 4, 3, 3), r"one shape, got \(1, 4, 3, 3\) and \(2, 4, 3, 3\)"),
        ((0, 4, 3, 3), (0, 4, 3, 3), "empty batch"),
    ],
)
def test_refuses_other_maps(first, second, message):
    with pytest.raises(ValueError, match=message):
        BipartiteReasoning(4, 3)(torch.ones(first), torch.ones(second))


@pytest.mark.unhooked
@pytest.mark.parametrize("name", ["edge_index", "node_edge_index"])
def test_refuses_edges_that_are_no_list(name):
    x = torch.ones(2, 4, 3, 3)
    with pytest.raises(ValueError, match=rf"{name} of shape \(2, e\), got \(3, 4\)"):
        BipartiteReasoning(4, 3)(x, x, **{name: torch.zeros(3, 4).long()})


@pytest.mark.parametrize(("channels", "num_nodes"), [(0, 3), (4, 0), (4, (3, 0)), (4, (-1, 3))])
def test_refuses_empty_sizes(channels, num_nodes):
    with pytest.raises(ValueError, match="at least 1"):
        BipartiteReasoning(channels, num_nodes)


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
