"""The benchmark suite: ours and what people use today, in one run, on the same events and tables.

A benchmark is a module that `bench.suite` names: it runs *contestants* against each other, says
which *ratios* follow, and draws its plots from the numbers it has put into the report.

A shared or busy machine changes its speed by the second, so contestants are never measured one
after the other. Each lives in a process of its own, and in a *race* they take turns, one batch at
a time, in an order that rotates: what slows one slows all of them. Time is only compared within a
block of consecutive turns; the headline is the median over all blocks of all repeats, the spread
is their quartiles.
"""
