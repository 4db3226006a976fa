"""The solvers in Python: prints the total value and the nanoseconds one solver takes for a batch.

Arguments: the solver, a file of unsigned 32-bit values (a row of reps for each lead), how many reps, and
the capacity of each. Only the solver is timed, not the making of its input.
"""

import sys
import time

import numpy

solver, path, reps, capacity = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
values = numpy.fromfile(path, dtype="<u4").reshape(-1, reps).astype(numpy.int64)
leads = len(values)


def linear_sum_assignment():
    from scipy.optimize import linear_sum_assignment

    places = numpy.repeat(values, capacity, axis=1).astype(numpy.float64)
    start = time.perf_counter_ns()
    rows, columns = linear_sum_assignment(places, maximize=True)
    took = time.perf_counter_ns() - start
    return columns // capacity, took


def linear_assignment():
    from ortools.graph.python import linear_sum_assignment

    # As many rows as columns, those left over worth nothing; arcs in the order that suits it.
    places = reps * capacity
    costs = numpy.zeros((places, places), dtype=numpy.int64)
    costs[:leads] = -numpy.repeat(values, capacity, axis=1)
    rows = numpy.repeat(numpy.arange(places), places)
    columns = numpy.tile(numpy.arange(places), places)
    assignment = linear_sum_assignment.SimpleLinearSumAssignment()
    assignment.add_arcs_with_cost(rows, columns, costs.ravel())
    start = time.perf_counter_ns()
    status = assignment.solve()
    took = time.perf_counter_ns() - start
    assert status == assignment.OPTIMAL
    return numpy.array([assignment.right_mate(lead) // capacity for lead in range(leads)]), took


def min_cost_flow():
    from ortools.graph.python import min_cost_flow

    flow = min_cost_flow.SimpleMinCostFlow()
    tails = numpy.repeat(numpy.arange(leads), reps)
    heads = leads + numpy.tile(numpy.arange(reps), leads)
    ones = numpy.ones(leads * reps, dtype=numpy.int64)
    arcs = flow.add_arcs_with_capacity_and_unit_cost(tails, heads, ones, -values.ravel())
    sink = leads + reps
    for rep in range(reps):
        flow.add_arc_with_capacity_and_unit_cost(leads + rep, sink, capacity, 0)
    for lead in range(leads):
        flow.set_node_supply(lead, 1)
    flow.set_node_supply(sink, -leads)
    start = time.perf_counter_ns()
    status = flow.solve()
    took = time.perf_counter_ns() - start
    assert status == flow.OPTIMAL
    return flow.flows(arcs).reshape(leads, reps).argmax(axis=1), took


chosen, took = {
    "SciPy, linear_sum_assignment": linear_sum_assignment,
    "OR-tools, linear assignment": linear_assignment,
    "OR-tools, min-cost flow": min_cost_flow,
}[solver]()
assert numpy.bincount(chosen, minlength=reps).max() <= capacity
print(values[numpy.arange(leads), chosen].sum(), took)
