"""Containment and cut of the graph of a file, by networkx. Says one JSON object a line.

Lines: `a GROUP` an agent, `q GROUP` an agent to search from, `e FROM TO TRUSTED FIRST LAST` an edge that is a hop.
"""

import heapq
import json
import resource
import sys
import time

import networkx as nx


def say(**what):
    what["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(what), flush=True)


begin = time.monotonic()
agents, asked, edges = [], [], []
with open(sys.argv[1], encoding="ascii") as lines:
    for line in lines:
        kind, *numbers = line.split()
        numbers = [int(it) for it in numbers]
        if kind == "a":
            agents.append(numbers[0])
        elif kind == "q":
            asked.append(numbers[0])
        else:
            start, end, trusted, first, last = numbers
            edges.append((start, end, (trusted, first, last)))
graph = nx.MultiDiGraph()
graph.add_edges_from((start, end, {"used": used}) for start, end, used in edges)
graph.add_nodes_from(agents)
say(step="build", seconds=time.monotonic() - begin, version=nx.__version__)

begin = time.monotonic()
trusted_edges = []
for agent in asked:
    arrival = {agent: -1}
    heap = [(-1, agent)]
    ends = 0
    while heap:
        at, node = heapq.heappop(heap)
        if arrival[node] != at:
            continue
        for to, parallel in graph.adj[node].items():
            if to == agent:
                continue
            for attributes in parallel.values():
                trusted, first, last = attributes["used"]
                then = max(at, first)
                if then > last:
                    continue
                ends += trusted
                if then < arrival.get(to, sys.maxsize):
                    arrival[to] = then
                    heapq.heappush(heap, (then, to))
    trusted_edges.append(ends)
say(step="containment", seconds=time.monotonic() - begin, ends=trusted_edges)
del graph

begin = time.monotonic()
network = nx.DiGraph()
for start, end, (trusted, _, _) in edges:
    head = "legacy" if trusted else end
    if network.has_edge(start, head):
        network[start][head]["capacity"] += 1
    else:
        network.add_edge(start, head, capacity=1)
for agent in agents:
    network.add_edge("agents", agent)
value = nx.minimum_cut_value(network, "agents", "legacy", flow_func=nx.algorithms.flow.preflow_push)
say(step="cut", seconds=time.monotonic() - begin, edges=value)
