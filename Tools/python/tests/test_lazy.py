"""Lazy leaves: what reads, what is read, and what happens to them besides."""

import copy
import pickle
import unittest
from unittest import mock

from support import Scratch, needs_h5py, np, refx_files
from refx_files import reader


class Lazy(Scratch):
    def setUp(self):
        super().setUp()
        self.rows = np.arange(400_000, dtype=np.float32).reshape(100_000, 4)
        refx_files.save(self.path("x.refx"), {"rows": self.rows, "one": np.float64(2), "texts": np.array(["a", "é"], object)})
        self.lazy = refx_files.load(self.path("x.refx"), lazy=True)

    def test_rows_one_by_one_read_each_chunk_once(self):
        rows = self.lazy["rows"]
        with mock.patch.object(reader.RefxFile, "_chunk", autospec=True, side_effect=reader.RefxFile._chunk) as chunk:
            found = [row.tolist() for row in rows]
        self.assertEqual(found, self.rows.tolist())
        self.assertLessEqual(chunk.call_count, 4)
        kept = next(iter(rows))
        self.assertIsNone(kept.base)
        self.assertEqual(kept.nbytes, 16)
        self.assertEqual([str(text) for text in self.lazy["texts"]], ["a", "é"])
        with self.assertRaises(TypeError):
            iter(self.lazy["one"]).__next__()

    def test_a_copy_is_a_leaf_of_its_own_on_the_same_file(self):
        rows = self.lazy["rows"]
        twin = copy.deepcopy({"a": rows, "b": rows})
        again = copy.copy(rows)
        self.assertIs(twin["a"], twin["b"])
        refx_files.save(self.path("y.refx"), {"model": rows, "average": twin, "again": again})
        found = refx_files.load(self.path("y.refx"))
        self.assertIs(found["average"]["a"], found["average"]["b"])
        self.assertEqual(len({id(found["model"]), id(found["average"]["a"]), id(found["again"])}), 3)
        del twin, again
        self.assertEqual(np.asarray(self.lazy["rows"])[7].tolist(), self.rows[7].tolist())

    def test_it_goes_into_no_pickle(self):
        with refx_files.open(self.path("x.refx")) as file:
            for thing in (self.lazy, file):
                with self.assertRaisesRegex(TypeError, "open"):
                    pickle.dumps(thing)
        self.assertEqual(self.lazy["rows"][1].tolist(), self.rows[1].tolist())

    def test_what_it_says_without_reading(self):
        rows = self.lazy["rows"]
        with mock.patch.object(reader.RefxFile, "_chunk", side_effect=AssertionError("it reads")):
            self.assertEqual((rows.nbytes, rows.itemsize, rows.ndim, rows.size, len(rows)), (1_600_000, 4, 2, 400_000, 100_000))
        self.assertEqual(rows.astype(np.int64).dtype, np.int64)
        self.assertEqual(rows.astype(np.int64)[3].tolist(), [12, 13, 14, 15])

    def test_numbers_of_numpy_are_indexes(self):
        for number in (np.int8(-1), np.int16(-1), np.uint8(200), np.int64(99_999)):
            with self.subTest(repr(number)):
                self.assertEqual(self.lazy["rows"][number].tolist(), self.rows[int(number)].tolist())

    def test_nothing_of_an_odd_shape(self):
        data = {"x": np.zeros((0, 3), np.float32), "t": np.empty((0, 2), object)}
        refx_files.save(self.path("empty.refx"), data)
        lazy = refx_files.load(self.path("empty.refx"), lazy=True)
        self.assertEqual(lazy["x"][0:0].shape, (0, 3))
        self.assertEqual(lazy["t"][0:0].shape, (0, 2))

    @needs_h5py
    def test_rows_of_hdf5(self):
        rows = np.arange(2_000_000, dtype=np.float32).reshape(2, 1_000_000)
        refx_files.save(self.path("x.h5"), {"rows": rows})
        lazy = refx_files.load(self.path("x.h5"), lazy=True)
        with mock.patch.object(lazy["rows"]._file, "array", side_effect=lazy["rows"]._file.array) as array:
            self.assertEqual([row[1] for row in lazy["rows"]], [1, 1_000_001])
        self.assertEqual(array.call_count, 1)

    def test_a_dtype_that_is_not_there_is_named_with_its_place(self):
        refx_files.save(self.path("b.refx"), {"deep": {"w": np.array([1], np.dtype("<u2", metadata={"refx": "bfloat16"}))}})
        with mock.patch("refx_files.dtypes.ml_dtypes", None):
            with self.assertRaisesRegex(refx_files.Unsupported, "b.refx: 'deep/w': .*ml_dtypes"):
                refx_files.load(self.path("b.refx"), lazy=True)


if __name__ == "__main__":
    unittest.main()
