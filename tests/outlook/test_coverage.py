"""Line 1 of the outlook's promise, with fewer periods; benchmarks/outlook_simulated.py has the whole of it."""

import pytest


@pytest.mark.slow
def test_ranges_hold_at_every_level_and_only_with_common_shocks(benchmark_script):
    rows = benchmark_script("outlook_simulated").run(6, 1)

    inside = rows.assign(hit=(rows["pit"] - 0.5).abs() <= 0.4, alone=(rows["alone_pit"] - 0.5).abs() <= 0.4)
    compared = inside[inside["alone_pit"].notna()]
    hits, alone = inside.groupby("level")["hit"].mean(), compared.groupby("level")["alone"].mean()
    # 60 periods of the company, 240 of teams, 960 of reps; those of one company go together
    assert hits["rep"] == pytest.approx(0.8, abs=0.05)
    assert hits["team"] == pytest.approx(0.8, abs=0.08)
    assert hits["company"] == pytest.approx(0.8, abs=0.13)
    assert alone["team"] < 0.74
    assert alone["company"] < 0.7
