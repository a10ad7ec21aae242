"""What can be tested of the benchmark without timing anything: `python -m unittest` in this folder."""

import io
import json
import os
import pickle
import platform
import shutil
import struct
import sys
import tempfile
import types
import unittest
import xml.etree.ElementTree as xml
import zipfile
from unittest import mock

import budgets
import environment
import growth
import output
import plan
import weights
from jobs import Job, ratio


def job(id, data="D1", wall=(2, 2, 2, 2, 2), cpu=None, unit="bytes", **facts):
    made = Job(id, data, unit=unit)
    made.wall, made.cpu, made.facts = list(wall), list(cpu or wall), facts
    return made


class Files(unittest.TestCase):
    def test_all_of_a_file_leaves_the_cache_before_it_is_read(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(20 << 20))
            file.flush()
            calls = []
            with mock.patch("plan.os.fsync", lambda _: calls.append("fsync")), mock.patch(
                    "plan.os.posix_fadvise", lambda _, start, count, advice: calls.append((start, count, advice))):
                plan.reread(file.name)
        self.assertEqual(calls, ["fsync", (0, 0, os.POSIX_FADV_DONTNEED)])

    def test_a_heavy_job_finds_its_file_warm(self):
        steps = []
        with tempfile.NamedTemporaryFile() as file:
            for data in ("D1", "D5a"):
                made = Job("refx.raw.load.fresh", data, {"in": file.name})
                with mock.patch("jobs.run", lambda words: steps.append(words[1]) or {"wallSeconds": 1, "cpuSeconds": 1}):
                    with mock.patch.object(made, "warm", lambda: steps.append("warm")):
                        made.round(types.SimpleNamespace(bench="bench"))
                self.assertEqual(made.failure, None)
        self.assertEqual(steps, ["room", "warm", "refx.raw.load.fresh", "refx.raw.load.fresh"])

    def test_what_is_warmed_is_read_to_its_end(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("one", "two", "out")]
            for path in paths:
                with open(path, "wb") as file:
                    file.write(bytes(10 << 20))
            read = {}

            def counting(path, mode):
                file = io.FileIO(path)
                real = file.readinto
                read[path] = 0

                class Counted(io.RawIOBase):
                    def readable(self):
                        return True

                    def readinto(self, buffer):
                        count = real(buffer)
                        read[path] += count
                        return count

                    def close(self):
                        file.close()
                        super().close()

                return Counted()

            with mock.patch("builtins.open", counting):
                Job("diff.equal", "D1", {"in": paths[0], "with": paths[1]}, out=paths[2]).warm()
            self.assertEqual(read, {paths[0]: 10 << 20, paths[1]: 10 << 20})


class Ratios(unittest.TestCase):
    def test_speed_is_the_other_way_round_than_time(self):
        self.assertEqual(ratio("bytes", [1, 1, 1], [2, 4, 3]), 3)
        self.assertEqual(ratio("seconds", [1, 1, 1], [2, 4, 5]), 0.25)

    def test_it_is_the_median_of_the_rounds_and_not_the_ratio_of_the_medians(self):
        mine, other = [1, 10, 2, 2, 2], [1, 10, 8, 2, 2]
        self.assertEqual(ratio("bytes", mine, other), 1)

    def test_nothing_comes_of_no_times(self):
        self.assertIsNone(ratio("bytes", [], [1]))
        self.assertIsNone(ratio("bytes", [0], [1]))


class Budgets(unittest.TestCase):
    def judge(self, budget, jobs):
        (judgement,) = budgets.judge([{"data": "D1", "says": "", **budget}], jobs)
        return judgement

    def test_a_ratio_at_its_limit_is_within(self):
        budget = {"id": "a", "against": "peer:b", "of": "ratio", "op": ">=", "limit": 2.0}
        other = job("peer:b", wall=[4] * 5)
        self.assertEqual(self.judge(budget, [job("a"), other]).verdict, "within")
        self.assertEqual(self.judge(budget, [job("a", wall=[2.1] * 5), other]).verdict, "short")

    def test_figures(self):
        subject = job("a", wall=[1, 9, 3, 2, 4], cpu=[2] * 5, bytes=4000, leaves=1000, peakExtraBytes=7, stored=90)
        for of, limit, within in (("seconds", 3, True), ("seconds", 2.9, False), ("nsPerLeaf", 3e6, True),
                                  ("nsPerLeaf", 2.9e6, False), ("peakExtraBytes", 7, True),
                                  ("peakExtraBytes", 6, False)):
            verdict = self.judge({"id": "a", "of": of, "op": "<=", "limit": limit}, [subject]).verdict
            self.assertEqual(verdict, "within" if within else "short", (of, limit))
        speed = self.judge({"id": "a", "of": "bytesPerCpuSecond", "op": ">=", "limit": 2001}, [subject])
        self.assertEqual((speed.measured, speed.verdict), (2000, "short"))

    def test_sizes_are_compared_with_the_others(self):
        budget = {"id": "a", "against": "peer:b", "of": "stored", "op": "<=", "limit": 1.01}
        jobs = [job("a", stored=101), job("peer:b", stored=100)]
        judgement = self.judge(budget, jobs)
        self.assertEqual((judgement.limit, judgement.verdict), (101, "within"))
        jobs[0].facts["stored"] = 102
        self.assertEqual(self.judge(budget, jobs).verdict, "short")

    def test_a_limit_by_the_byte(self):
        budget = {"id": "a", "of": "seconds", "op": "<=", "limit": 1e-3, "perByte": True}
        self.assertEqual(self.judge(budget, [job("a", bytes=2000)]).verdict, "within")
        self.assertEqual(self.judge(budget, [job("a", bytes=1999)]).verdict, "short")

    def test_what_did_not_run_is_not_judged(self):
        budget = {"id": "a", "against": "peer:b", "of": "ratio", "op": ">=", "limit": 0.0}
        self.assertEqual(self.judge(budget, [job("a")]).verdict, "not judged")
        broken = job("peer:b")
        broken.failure = "it broke"
        self.assertEqual(self.judge(budget, [job("a"), broken]).verdict, "not judged")

    def test_threads_and_syncing_tell_jobs_apart(self):
        one, two = job("a", wall=[4] * 5), job("a", wall=[2] * 5)
        one.threads, two.threads = 1, 2
        budget = {"id": "a", "threads": 2, "against": "a", "againstThreads": 1, "of": "ratio", "op": ">=", "limit": 1.7}
        self.assertEqual(self.judge(budget, [one, two]).ratio, 2)

    def test_the_budgets_of_the_repository_are_well_formed(self):
        seen = set()
        for budget in budgets.load():
            self.assertIn(budget["op"], budgets.OPERATORS)
            self.assertIn(budget["of"], ("ratio", "nsPerLeaf", "bytesPerCpuSecond", "seconds", "peakExtraBytes", "stored"))
            self.assertTrue(budget["of"] not in ("ratio", "stored") or "against" in budget, budget)
            self.assertGreater(budget["limit"], 0)
            self.assertNotIn((budget["says"], budget["data"]), seen)
            seen.add((budget["says"], budget["data"]))


def example():
    subject, other = job("refx.raw.save", bytes=10, leaves=1, stored=11), job("peer:b", wall=[4] * 5, bytes=10)
    extra = job("digest", bytes=10)
    budget = {"id": "refx.raw.save", "data": "D1", "against": "peer:b", "of": "ratio", "op": ">=", "limit": 3.0,
              "says": "three times b"}
    plan = types.SimpleNamespace(jobs=[subject, other, extra], once=[])
    programs = types.SimpleNamespace(refx=shutil.which("false"), software={"python": "3.9.1", "numpy": "2.0.0"})
    data = {"D1": {"file": "x", "bytes": 10, "leaves": 1, "dtype": "float32", "sha256": "0" * 64}}
    facts = {"cpu": "a cpu", "cores": 2, "os": "an os", "load1": 0.0, "yardCpuBytesPerSecond": 1}
    return output.document(plan, budgets.judge([budget], plan.jobs), facts, programs, data, 5)


class Documents(unittest.TestCase):
    def test_the_build_is_read_off_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            for content, flags in ((b"..libswiftCore.so..", "-c release"), (b"..", "-c release --static-swift-stdlib")):
                program = os.path.join(folder, "refx")
                with open(program, "wb") as file:
                    file.write(content)
                self.assertEqual(environment.build_of(program), flags)

    def test_it_has_the_fields_of_the_contract(self):
        document = json.loads(json.dumps(example()))
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench.schema.json")) as file:
            schema = json.load(file)
        item = schema["properties"]["results"]["items"]
        self.assertEqual(set(item["properties"]["id"]["enum"]), output.FIXED)
        for field in schema["required"]:
            self.assertIn(field, document)
        for result in document["results"] + document["more"] + document["peers"]:
            for field in item["required"]:
                self.assertIn(field, result)
            self.assertIn(result["verdict"], item["properties"]["verdict"]["enum"])
            self.assertGreaterEqual(len(result["wallSeconds"]), 5)
        try:
            import jsonschema
        except ImportError:
            return
        jsonschema.validate(document, schema)

    def test_peers_and_new_ids_stand_beside_the_fixed_ones(self):
        document = example()
        self.assertEqual([result["id"] for result in document["results"]], ["refx.raw.save"])
        self.assertEqual([result["id"] for result in document["peers"]], ["peer:b"])
        self.assertEqual([result["id"] for result in document["more"]], ["digest"])
        self.assertEqual((document["within"], document["short"]), (0, 1))
        self.assertNotIn("file", document["data"]["D1"])

    def test_text_and_markdown_say_the_ratio_and_the_verdict(self):
        for lines in (list(output.text(example())), list(output.markdown(example()))):
            (row,) = [line for line in lines if "three times b" in line]
            self.assertIn("2.00 × peer:b", row)
            self.assertIn("short", row)

    def test_what_was_compared_is_told_with_its_version_and_the_date(self):
        document = example()
        words = f"on {document['date']} at commit"
        for lines in (list(output.text(document)), list(output.markdown(document))):
            (row,) = [line for line in lines if words in line]
            self.assertTrue(row.endswith(" beside python 3.9.1, numpy 2.0.0."), row)
        # A document of an earlier run has neither.
        del document["date"], document["software"]
        self.assertRegex(list(output.markdown(document))[2], r"^Measured at commit `[^`]*`\.$")

    def test_versions_are_those_of_the_python_that_is_asked(self):
        self.assertEqual(environment.software(sys.executable, []), {"python": platform.python_version()})
        with self.assertRaises(SystemExit):
            environment.software(sys.executable, ["no-such-module-anywhere"])

    def test_only_what_stands_between_the_marks_is_replaced(self):
        page = "a\n<!-- results -->\nold\n<!-- end of results -->\nb\n"
        self.assertEqual(output.replace_between(page, "results", ["new"]), page.replace("old", "new"))
        with self.assertRaises(ValueError):
            output.replace_between(page, "growth", [])


class Growth(unittest.TestCase):
    def document(self):
        def points(axis, values):
            return [{"at": at, "wallSeconds": [at * 1e-8] * 3, "cpuSeconds": [1] * 3} for at in values]

        return {"growth": True, "machine": {"cpu": "<&>", "cores": 2, "load1": 0.5}, "rounds": 3, "commit": "c" * 40,
                "series": [{"axis": "leaves", "id": "open", "threads": None, "points": points("leaves", growth.LEAVES)},
                           {"axis": "bytes", "id": "refx.fast.save", "threads": 1, "points": points("bytes", growth.BYTES)},
                           {"axis": "bytes", "id": "refx.fast.save", "threads": 2, "points": points("bytes", growth.BYTES)}]}

    def test_the_plot_is_well_formed_and_has_every_line(self):
        image = xml.fromstring(growth.svg(self.document()))
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(len(image.findall(space + "polyline")), 3)
        self.assertEqual(len(image.findall(space + "circle")), len(growth.LEAVES) + 2 * len(growth.BYTES))
        self.assertIn("prefers-color-scheme: dark", image.find(space + "style").text)
        _, _, width, height = map(float, image.get("viewBox").split())
        for circle in image.findall(space + "circle"):
            self.assertTrue(0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height)

    def test_every_point_is_in_the_table(self):
        lines = list(growth.markdown(self.document()))
        (row,) = [line for line in lines if line.startswith("| open ")]
        self.assertEqual(row.count("10 ns/leaf"), len(growth.LEAVES))
        self.assertTrue(any("4 GiB" in line for line in lines))


class Weights(unittest.TestCase):
    def test_safetensors_come_back(self):
        tensors = [("a", "F32", [2], b"12345678"), ("b", "F16", [], b"xy")]
        data = b"".join(weights.safetensors_bytes(tensors))
        self.assertEqual(list(weights.safetensors(data)), tensors)

    def test_a_pickle_with_other_names_is_refused(self):
        class Evil:
            def __reduce__(self):
                return os.getcwd, ()

        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps({"a": Evil()}))
        with self.assertRaises(pickle.UnpicklingError):
            list(weights.torch_file(archive.getvalue()))

    def test_the_variables_of_a_ctranslate2_model(self):
        def text(word):
            return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

        data = struct.pack("<I", 6) + text("Spec") + struct.pack("<II", 3, 1)
        data += text("w") + struct.pack("<BIIBI", 2, 1, 2, 4, 4) + b"abcd"
        self.assertEqual(list(weights.ctranslate2(data)), [("w", "F16", [1, 2], b"abcd")])


if __name__ == "__main__":
    unittest.main()
