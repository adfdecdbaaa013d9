"""The fuse: what one environment remembers of a database that did not answer."""

from consumer.fuse import Fuse


def test_whole_until_the_database_does_not_answer():
    fuse = Fuse()
    assert fuse.blown_for(0.0) == 0.0
    fuse.met(100.0, unreachable=True)
    assert fuse.blown_for(100.0) == 1.0
    assert fuse.blown_for(100.0 + 1.0) == 0.0


def test_the_pause_doubles_to_a_bound_and_one_answer_mends_it():
    fuse, now, pauses = Fuse(), 0.0, []
    for _ in range(7):
        fuse.met(now, unreachable=True)
        pauses.append(fuse.blown_for(now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
    fuse.met(now, unreachable=False)
    assert fuse.blown_for(now) == 0.0
    fuse.met(now, unreachable=True)
    assert fuse.blown_for(now) == 1.0
