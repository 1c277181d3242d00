"""What the driver makes of contestants that are good, slow, wrong or absent, and of their figures. `python3 -m unittest discover tests`"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import compare  # noqa: E402

GOOD = """#!/usr/bin/env bash
case $1 in
    list) printf 'switch\\nchannel\\nyield\\n' ;;
    switch) echo "ns 5" ;;
    yield) echo "ns $2" ;;
    channel) echo "/some/where/secret: no channel" >&2; exit 3 ;;
    *) exit 64 ;;
esac
"""
SLOW = """#!/usr/bin/env bash
[[ $1 == list ]] && echo switch && exit
sleep 60
"""
# Refuses what it offers, and prints what is no figure.
WRONG = """#!/usr/bin/env bash
[[ $1 == list ]] && printf 'switch\\nchannel\\n' && exit
[[ $1 == channel ]] && echo "ns fast" && exit
echo "that is too many" >&2
exit 64
"""


def results_of(measurements, missing=()):
    """Results of these: (row, contestant, round, figure, value)."""
    rows = [{"row": row, "contestant": name, "round": turn, figure: value} for row, name, turn, figure, value in measurements]
    machine = {"cpu": "a processor", "cores": 2, "memory_gib": 8, "kernel": "6.0"}
    missing = [{"row": row, "contestant": name, "why": why} for row, name, why in missing]
    data = {"date": "2000-01-01", "quick": False, "machine": machine, "versions": {}, "left_out": {}}
    return compare.Results(data | {"missing": missing, "measurements": rows})


class Measuring(unittest.TestCase):
    """With contestants that are scripts in a folder of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.replace("HERE", self.folder)
        self.replace("SECONDS_EACH", 1)

    def replace(self, name, value):
        """Gives a constant of the driver another value until the test ends."""
        self.addCleanup(setattr, compare, name, getattr(compare, name))
        setattr(compare, name, value)

    def bench(self, quick=False, **scripts):
        for name, script in scripts.items():
            path = self.folder / "contestants" / name / "contestant"
            path.parent.mkdir(parents=True)
            path.write_text(script)
            path.chmod(0o755)
        return compare.Bench(list(scripts), quick)

    def run_rows(self, bench, *rows):
        with contextlib.redirect_stdout(io.StringIO()):
            bench.run(rows)

    def test_each_contestant_is_measured_once_a_round_in_an_order_that_moves_on(self):
        bench = self.bench(greenlet=GOOD, go=GOOD)
        self.run_rows(bench, compare.Row("switch", rounds=3))
        order = [(one["round"], one["contestant"]) for one in bench.measurements]
        self.assertEqual(order, [(1, "greenlet"), (1, "go"), (2, "go"), (2, "greenlet"), (3, "greenlet"), (3, "go")])

    def test_a_failure_is_kept_by_name_without_paths_and_is_not_tried_again(self):
        bench = self.bench(greenlet=GOOD)
        self.run_rows(bench, compare.Row("channel", rounds=3))
        self.assertEqual(bench.missing, {("channel", "greenlet"): "failed: secret: no channel"})
        self.assertEqual(bench.measurements, [])

    def test_what_is_no_figure_is_a_failure(self):
        bench = self.bench(greenlet=WRONG)
        self.run_rows(bench, compare.Row("channel"))
        self.assertIn("failed: printed", bench.missing["channel", "greenlet"])

    def test_what_is_not_in_the_list_is_not_offered_and_what_is_refused_all_the_same_has_a_limit(self):
        bench = self.bench(may=WRONG)
        self.run_rows(bench, compare.Row("switch"), compare.Row("mutex"))
        self.assertEqual(bench.missing, {("switch", "may"): "left out: limit: that is too many", ("mutex", "may"): "not offered"})

    def test_what_takes_too_long_is_left_out_by_a_limit(self):
        bench = self.bench(go=SLOW)
        self.run_rows(bench, compare.Row("switch"))
        self.assertEqual(bench.missing["switch", "go"], "left out: limit: took longer than 1 s")

    def test_a_stated_limit_leaves_out_what_is_above_it(self):
        bench = self.bench(threads=GOOD)
        self.run_rows(bench, compare.Row("yield", 10, 1), compare.Row("yield", 100_000, 1))
        self.assertEqual([one["ns"] for one in bench.measurements], [10])
        self.assertIn("left out: limit of 10\u00a0000", bench.missing["yield 100000", "threads"])

    def test_quick_is_one_round_of_small_numbers(self):
        bench = self.bench(quick=True, greenlet=GOOD)
        self.run_rows(bench, compare.Row("yield", 100_000, 3))
        self.assertEqual([(one["round"], one["ns"]) for one in bench.measurements], [(1, compare.QUICK_N)])

    def test_quick_stays_below_stated_limits(self):
        bench = self.bench(quick=True, threads=GOOD)
        self.run_rows(bench, compare.Row("yield", 1_000_000, 3))
        self.assertEqual(len(bench.measurements), 1)

    def test_when_time_is_up_what_was_never_measured_has_a_limit(self):
        bench = self.bench(greenlet=GOOD)
        self.replace("SECONDS_IN_ALL", 0)
        self.run_rows(bench, compare.Row("switch"))
        self.assertEqual(bench.measurements, [])
        self.assertEqual(bench.missing["switch", "greenlet"], "left out: limit of 0 s for the whole run")

    def test_a_server_must_say_its_port(self):
        silent = "#!/usr/bin/env bash\n[[ $1 == list ]] && echo serve_echo && exit\ncat\n"
        bench = self.bench(go=silent, tokio=silent.replace("cat", "echo 'no socket' >&2; exit 1"))
        self.run_rows(bench, compare.Row("echo"))
        self.assertEqual(bench.missing["echo", "go"], "failed: the server does not say its port")
        self.assertEqual(bench.missing["echo", "tokio"], "failed: no socket")

    def test_who_was_not_built_is_left_out(self):
        bench = compare.Bench(["go"], False)
        self.assertEqual(bench.left_out, {"go": "it was not built"})

    def test_the_run_fails_if_ours_fails_or_nothing_was_measured(self):
        bench = self.bench(greenlet=GOOD)
        self.run_rows(bench, compare.Row("switch"), compare.Row("mutex"))
        data = bench.results({}, {})
        self.assertIsNone(compare.verdict_on_run(data, ["greenlet"]))
        self.run_rows(bench, compare.Row("channel"))
        self.assertIn("channel: failed", compare.verdict_on_run(bench.results({}, {}), ["greenlet"]))
        self.assertEqual(compare.verdict_on_run(data | {"measurements": []}, ["greenlet"]), "nothing was measured")

    def test_what_is_written_is_read_back(self):
        bench = self.bench(greenlet=GOOD)
        self.run_rows(bench, compare.Row("switch"), compare.Row("mutex"))
        data = bench.results({"go": "does not build"}, {"greenlet": "1"})
        self.assertEqual(json.loads(compare.as_json(data)), data)


class Figures(unittest.TestCase):
    def test_numbers_have_three_digits_that_count(self):
        said = [compare.number(value) for value in (0.4567, 3.614, 9.999, 44.21, 951.4, 25_860, 1_234_567)]
        self.assertEqual(said, ["0.457", "3.61", "10.0", "44.2", "951", "25\u00a0900", "1\u00a0230\u00a0000"])

    def test_the_best_of_a_rate_is_the_greatest(self):
        rates = [("echo", "go", 1, "per_second", 10), ("echo", "go", 2, "per_second", 30)]
        results = results_of([*rates, ("switch", "go", 1, "ns", 4), ("switch", "go", 2, "ns", 3)])
        self.assertEqual(results.best("echo per_second", "go"), 30)
        self.assertEqual(results.best("switch ns", "go"), 3)

    def test_a_rule_is_met_up_to_its_bound(self):
        rule = compare.Rule("switch ns", 3, "corosensei")
        for ours, met in ((9, True), (9.1, False)):
            results = results_of([("switch", "greenlet", 1, "ns", ours), ("switch", "corosensei", 1, "ns", 3)])
            self.assertIs(compare.verdict_on(results, rule).met, met)

    def test_a_rule_about_a_rate_is_a_lower_bound(self):
        rule = compare.Rule("echo per_second", 0.95, "epoll")
        for ours, met in ((95, True), (94, False)):
            results = results_of([("echo", "greenlet", 1, "per_second", ours), ("echo", "epoll", 1, "per_second", 100)])
            self.assertIs(compare.verdict_on(results, rule).met, met)

    def test_every_peer_means_the_best_that_is_no_floor(self):
        rule = compare.Rule("echo per_second", 1, compare.PEERS)
        measured = [("echo", name, 1, "per_second", value) for name, value in (("greenlet", 90), ("go", 80), ("tokio", 85), ("epoll", 99))]
        self.assertEqual(compare.verdict_on(results_of(measured), rule).bound, 85)

    def test_a_paired_rule_is_the_median_of_each_round_s_ratio(self):
        rule = compare.Rule("sleepers 1000000 ns", 1.3, "pages", paired=True)
        pairs = ((100, 100), (600, 500), (300, 100))
        measured = [("sleepers 1000000", "greenlet", turn, "ns", ours) for turn, (ours, _) in enumerate(pairs)]
        measured += [("sleepers 1000000", "pages", turn, "ns", floor) for turn, (_, floor) in enumerate(pairs)]
        self.assertEqual(compare.verdict_on(results_of(measured), rule).ours, 1.2)

    def test_without_the_other_s_figure_there_is_no_verdict(self):
        results = results_of([("switch", "greenlet", 1, "ns", 9)])
        self.assertIsNone(compare.verdict_on(results, compare.Rule("switch ns", 3, "corosensei")).met)

    def test_every_rule_speaks_of_lines_and_contestants_that_there_are(self):
        keys = {line.key for line in compare.LINES}
        for rule in compare.RULES:
            self.assertIn(rule.line, keys)
            self.assertIn(rule.in_line or rule.line, keys)
            self.assertIn(rule.of, [None, compare.PEERS, *compare.NAMES])

    def test_an_empty_cell_says_why(self):
        missing = [("switch", "tokio", "failed: boom"), ("mutex", "go", "not offered")]
        results = results_of([("switch", "go", 1, "ns", 9), ("mutex", "tokio", 1, "ns", 9)], missing)
        self.assertIn("| 9.00 | failed |", compare.figures_table(results))
        self.assertIn("| – | 9.00 |", compare.figures_table(results))
        self.assertIn("tokio, failed: boom: switch.", compare.notes(results))


class Written(unittest.TestCase):
    def test_only_what_is_between_the_marks_is_replaced(self):
        page = f"above\n{compare.BEGIN}\nold\n{compare.END}\nbelow\n"
        self.assertEqual(compare.with_block(page, "new"), f"above\n{compare.BEGIN}\n\nnew\n\n{compare.END}\nbelow\n")
        self.assertIsNone(compare.with_block("no marks", "new"))

    def test_labels_keep_apart_in_their_order_and_in_the_panel(self):
        placed = compare.spread([100, 10, 101, 102, 300], 10, 300)
        self.assertEqual(sorted(placed), [placed[1], placed[0], placed[2], placed[3], placed[4]])
        gaps = [after - before for before, after in zip(sorted(placed), sorted(placed)[1:])]
        self.assertGreaterEqual(min(gaps), compare.LABEL_GAP - 0.01)
        self.assertTrue(all(10 <= place <= 300 for place in placed))

    def test_the_plots_are_a_picture_even_if_little_was_measured(self):
        measured = [(f"yield {n}", name, 1, "ns", 5.0) for n in (10, 1_000_000) for name in ("greenlet", "go")]
        for results in (results_of(measured), results_of([])):
            xml.etree.ElementTree.fromstring(compare.plots(results))


if __name__ == "__main__":
    unittest.main()
